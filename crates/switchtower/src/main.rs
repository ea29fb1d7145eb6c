//! The binary `switchtower`. Everything it does is in the library; begin with `command_line.rs`.

use clap::Parser as _;
use std::process::ExitCode;
use switchtower::command_line::{CommandLine, run};

fn main() -> ExitCode {
    run(CommandLine::parse())
}
