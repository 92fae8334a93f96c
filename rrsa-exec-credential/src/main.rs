//! `rrsa-exec-credential`.

/// What is freed is wiped, in libraries too that know nothing of secrets.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> std::process::ExitCode {
    rrsa_exec_credential::main()
}
