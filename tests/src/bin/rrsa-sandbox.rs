//! `rrsa-sandbox`: see `rrsa_tests::sandbox`.

fn main() -> std::process::ExitCode {
    rrsa_tests::sandbox::cli::main(std::env::args_os())
}
