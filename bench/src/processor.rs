//! Processor time, which hardly depends on what else the machine does. In microseconds, as Linux counts it.

use crate::Result;

/// What this thread took.
pub(crate) fn of_thread() -> Result<f64> {
    read("/proc/thread-self/schedstat")
}

/// What the first thread of a process took.
pub(crate) fn of_process(id: u32) -> Result<f64> {
    read(&format!("/proc/{id}/schedstat"))
}

fn read(file: &str) -> Result<f64> {
    let text = std::fs::read_to_string(file)?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1000.0)
}
