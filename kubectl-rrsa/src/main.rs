//! `kubectl rrsa`.

fn main() -> std::process::ExitCode {
    kubectl_rrsa::main()
}
