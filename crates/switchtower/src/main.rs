//! The binary `switchtower`. Everything it does is in the library; begin with `command_line.rs`.

use clap::Parser as _;
use std::process::ExitCode;
use switchtower::command_line::{CommandLine, run};

/// What one thread takes, another gives back: records are made where requests are answered, and end where they are
/// written. Allocators that lock for that cost more than the records (decision 0052).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    leave_no_core();
    run(CommandLine::parse())
}

/// What was said would be in a core that a crash leaves behind. Where the system does not take the limit, it has no cores.
fn leave_no_core() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}
