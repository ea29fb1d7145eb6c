//! The binary `switchtower`. Everything it does is in the library; begin with `command_line.rs`.

use clap::Parser as _;
use std::process::ExitCode;
use switchtower::command_line::{CommandLine, run};

/// A block larger than any body that is usual.
const LARGE_BLOCK_BYTES: usize = 4 << 20;

fn main() -> ExitCode {
    // The C library's allocator gives memory above a bound back to the system at once, and asks for it again with the
    // next large body: at 64 kB that costs more than everything else. Freeing one large block moves the bound up: see
    // "dynamic mmap threshold" in mallopt(3). Other allocators lose nothing by it.
    drop(std::hint::black_box(vec![0_u8; LARGE_BLOCK_BYTES]));
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
