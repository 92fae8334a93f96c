//! `rrsa-exec-credential`.

fn main() -> std::process::ExitCode {
    rrsa_exec_credential::main()
}
