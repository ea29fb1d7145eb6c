//! Building what a task needs, with the cargo that started the task.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

/// How a binary is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// Builds the gateway and says where it is.
pub(crate) fn switchtower(root: &Path, profile: Profile) -> Result<PathBuf> {
    build(root, profile, &["--package", "switchtower"], Path::new("switchtower"))
}

/// Builds an example of a crate, optimised, and says where it is.
pub(crate) fn example(root: &Path, package: &str, name: &str) -> Result<PathBuf> {
    build(root, Profile::Release, &["--package", package, "--example", name], &Path::new("examples").join(name))
}

fn build(root: &Path, profile: Profile, what: &[&str], file: &Path) -> Result<PathBuf> {
    let mut command = Command::new(cargo());
    command.arg("build").args(what);
    let folder = match profile {
        Profile::Debug => "debug",
        Profile::Release => {
            command.arg("--release");
            "release"
        }
    };
    let status = command.current_dir(root).status().context("failed to run cargo")?;
    let name = file.file_name().unwrap_or_default().display();
    ensure!(status.success(), "{name} does not build; repair it, or give a built switchtower with `--binary`");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let binary = root.join(target).join(folder).join(file);
    ensure!(binary.is_file(), "the build left no {}; give a built switchtower with `--binary`", binary.display());
    Ok(binary)
}

/// The same task in an optimised build: load and upstream must cost less than what they measure.
pub(crate) fn run_optimised(root: &Path) -> Result<ExitCode> {
    let status = Command::new(cargo())
        .args(["run", "--quiet", "--release", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .args(["--package", "xtask", "--"])
        .args(std::env::args_os().skip(1))
        .status()
        .context("failed to run cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cargo that started this task.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
