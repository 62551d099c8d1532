//! What the numbers were measured on.

use crate::Result;
use crate::clock::{instant, since};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// Facts of the machine.
pub(crate) struct Facts {
    processor: String,
    processors: usize,
    memory: f64,
    kernel: String,
    sync: (f64, f64),
    load: String,
}

impl Facts {
    /// Gathers them; the disk is the one that `folder` lies on.
    pub(crate) fn gather(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let line = |file: &str, name: &str| -> Result<String> {
            let text = fs::read_to_string(file)?;
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
            Ok(found.map_or_else(|| "unknown".into(), |(_, value)| value.trim().to_owned()))
        };
        let kilobytes = line("/proc/meminfo", "MemTotal")?;
        let kilobytes: f64 = kilobytes.split(' ').next().unwrap_or_default().parse().unwrap_or_default();
        Ok(Self {
            processor: line("/proc/cpuinfo", "model name")?,
            processors: std::thread::available_parallelism()?.get(),
            memory: kilobytes / 1024.0 / 1024.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            sync: sync_latency(folder)?,
            load: fs::read_to_string("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned(),
        })
    }

    /// As a list in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let Self { processor, processors, memory, kernel, sync: (median, high), load } = self;
        format!(
            "- processor: {processor}, {processors} cores; memory {memory:.0} GB; Linux {kernel}\n\
             - disk: appending 4 KiB and fdatasync takes {median:.2} ms (median), {high:.2} ms (99 %)\n\
             - load of the machine before the run (1 minute): {load}\n"
        )
    }
}

/// Median and 99th percentile in milliseconds of appending a page and syncing it.
fn sync_latency(folder: &Path) -> Result<(f64, f64)> {
    const SYNCS: usize = 300;
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let mut taken = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = instant();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        taken.push(since(begun) * 1000.0);
    }
    fs::remove_file(path)?;
    taken.sort_by(f64::total_cmp);
    Ok((taken[SYNCS / 2], taken[SYNCS * 99 / 100]))
}
