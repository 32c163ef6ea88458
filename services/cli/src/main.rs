//! The `gumshoe` binary: everything is in the library, where tests can reach it.

fn main() -> std::process::ExitCode {
    gumshoe_cli::main()
}
