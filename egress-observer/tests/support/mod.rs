//! The binary, run with something on its standard input.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

/// Runs it to its end.
pub(crate) fn feed(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Whatever is wrong with the command line, it may have ended before it reads.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    child.wait_with_output().expect("it ends")
}
