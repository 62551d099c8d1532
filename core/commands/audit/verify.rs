//! `rohrpost audit verify`: checks the history of a data directory, or an export.

use super::heads::{self, Given, Judged, Opened};
use super::{End, FORMAT, second, told};
use crate::commands::Context;
use crate::commands::verify::read_trust;
use crate::config;
use crate::faults::Stop;
use rohrpost_model::ports::Head;
use rohrpost_seal::TrustStore;
use rohrpost_store::audit::{AuditFault, AuditReader, AuditRow, Broken, Fit, How, Walk, Walked};
use serde_json::json;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Check the history.
#[derive(clap::Args)]
pub struct Arguments {
    /// An export; without it, the data directory.
    file: Option<PathBuf>,
    /// The data directory; by default the one in hub.toml, which is compared with all heads that the hub kept.
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    data: Option<PathBuf>,
    /// A signed head that was kept elsewhere, or a folder of them; may be given often.
    #[arg(long = "head", value_name = "FILE|DIR")]
    heads: Vec<PathBuf>,
    /// The folder of trusted certificates, in PEM: only heads that were signed with one of them, or with one that they
    /// issued, count, and at least one must fit. Without it only the inner consistency is checked: a history that somebody
    /// wrote anew as a whole is not found.
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
}

/// Runs the command. It ends well only if the chain holds and every head fits; where somebody says whom to trust, only if
/// there is such a head.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let trust = arguments.trust.as_deref().map(read_trust).transpose()?;
    let heads = heads::read(&arguments.head_files(context)?, trust.as_ref())?;
    let wanted: Vec<Head> =
        heads.iter().filter_map(|given| given.head.as_ref().ok().map(Opened::head)).collect();
    let found = match &arguments.file {
        Some(file) => of_export(file, &wanted, trust.as_ref())?,
        None => of_data(&arguments.data_folder(context)?, &wanted)?,
    };
    let report = Report::new(found, heads, trust.is_some());
    if context.json {
        context.json(&report.machine())?
    } else {
        report.tell(context)?
    }
    if report.is_well() { Ok(()) } else { Err(Stop::Negative) }
}

impl Arguments {
    fn data_folder(&self, context: &Context<'_>) -> Result<PathBuf, Stop> {
        let named = self.data.clone().or_else(|| config::data_folder(&context.folder));
        named.ok_or_else(|| Stop::Usage("hub.toml names no data directory; name it with --data".to_owned()))
    }

    /// The files that are named, and where the hub's own history is looked at, those that it kept.
    fn head_files(&self, context: &Context<'_>) -> Result<Vec<PathBuf>, Stop> {
        let own = self.file.is_none() && self.data.is_none();
        let kept = own.then(|| config::heads_folder(&context.folder)).flatten().filter(|kept| kept.exists());
        let named = self.heads.iter().chain(&kept).map(|path| crate::heads::named(path));
        Ok(named.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

/// What was found of a chain.
struct Found {
    chain: Result<Walked, Broken>,
    /// The head in an export's last line: why it is none, or how it fits.
    own: Option<Judged>,
}

fn of_data(folder: &Path, heads: &[Head]) -> Result<Found, Stop> {
    let reader = AuditReader::open(folder).map_err(|fault| told::store(&fault))?;
    match reader.walk(heads, |_| Ok(())) {
        Ok(walked) => Ok(Found { chain: Ok(walked), own: None }),
        Err(AuditFault::Broken(broken)) => Ok(Found { chain: Err(broken), own: None }),
        Err(AuditFault::Store(fault)) => Err(told::store(&fault)),
        Err(AuditFault::Taker(error)) => Err(error.into()),
    }
}

fn of_export(file: &Path, heads: &[Head], trust: Option<&TrustStore>) -> Result<Found, Stop> {
    let lines = BufReader::new(File::open(file).map_err(|error| Stop::file(file, &error))?).lines();
    let (walk, end) = match go_through(lines, Walk::new(heads)).map_err(|error| Stop::file(file, &error))? {
        Ok(gone) => gone,
        Err(broken) => return Ok(Found { chain: Err(broken), own: None }),
    };
    let (walked, name) = (walk.finish(), format!("{} (letzte Zeile)", file.display()));
    let own = match end.as_ref().map(|end| heads::open(&end.head, trust)) {
        None => Judged::forged(name, "the last line with the head is missing: the export is not whole"),
        Some(Err(why)) => Judged::forged(name, &why),
        Some(Ok(opened)) => {
            let fit = Fit::at_end(opened.head(), walked.end);
            Judged::of(name, opened, fit)
        }
    };
    Ok(Found { chain: Ok(walked), own: Some(own) })
}

/// Goes through the lines of an export to its last.
fn go_through(
    lines: impl Iterator<Item = io::Result<String>>,
    mut walk: Walk,
) -> io::Result<Result<(Walk, Option<End>), Broken>> {
    let mut end = None;
    for line in lines {
        let line = line?;
        let taken = match serde_json::from_str::<AuditRow>(&line) {
            Ok(row) if end.is_none() => walk.take(&row),
            read => match serde_json::from_str::<End>(&line) {
                Ok(read) if end.is_none() && read.format == FORMAT => {
                    end = Some(read);
                    Ok(())
                }
                // Something after the end, or a line of no form that there is.
                _ => Err(Broken {
                    seq: walk.expected(),
                    how: if read.is_ok() { How::Missing } else { How::Unreadable },
                }),
            },
        };
        if let Err(broken) = taken {
            return Ok(Err(broken));
        }
    }
    Ok(Ok((walk, end)))
}

/// All that is to be said.
struct Report {
    chain: Result<Walked, Broken>,
    heads: Vec<Judged>,
    trust_was_given: bool,
}

impl Report {
    fn new(found: Found, heads: Vec<Given>, trust_was_given: bool) -> Self {
        let mut fits = found.chain.as_ref().map(|walked| walked.fits.clone()).unwrap_or_default().into_iter();
        let judged = heads.into_iter().filter_map(|Given { file, head }| match head {
            Err(why) => Some(Judged::forged(file, &why)),
            // Nothing can be said of a head where the chain does not reach it.
            Ok(opened) => fits.next().map(|fit| Judged::of(file, opened, fit)),
        });
        let heads = found.own.into_iter().chain(judged).collect();
        Self { chain: found.chain, heads, trust_was_given }
    }

    fn is_well(&self) -> bool {
        let proven = !self.trust_was_given || self.proven().is_some();
        self.chain.is_ok() && self.heads.iter().all(Judged::fits) && proven
    }

    /// The row up to which a trusted head vouches for the chain.
    fn proven(&self) -> Option<u64> {
        let vouching = self.heads.iter().filter(|head| head.fits() && head.trusted == Some(true));
        vouching.filter_map(|head| head.seq).max()
    }

    fn machine(&self) -> serde_json::Value {
        let walked = self.chain.as_ref().ok();
        let times = walked.and_then(|walked| walked.times);
        let broken = self.chain.as_ref().err();
        json!({
            "intact": self.is_well(),
            "provenTo": self.proven(),
            "rows": walked.map(|walked| walked.end.seq),
            "hash": walked.map(|walked| walked.end.hash),
            "from": times.map(|times| times.0),
            "to": times.map(|times| times.1),
            "broken": broken.map(|broken| json!({ "row": broken.seq, "text": told::broken(broken) })),
            "heads": self.heads,
        })
    }

    fn tell(&self, context: &mut Context<'_>) -> Result<(), Stop> {
        match &self.chain {
            Err(broken) => context.line(told::broken(broken))?,
            Ok(walked) => {
                let times = walked.times.map(|(first, last)| (second(first), second(last)));
                let span = times.map_or_else(String::new, |(first, last)| format!(" von {first} bis {last}"));
                context
                    .line(format!("Die Kette ist in sich unversehrt: {} Zeilen{span}.", walked.end.seq))?;
            }
        }
        for head in self.heads.iter().filter(|head| !head.fits()) {
            context.line(format!("Kopf {} {}", head.file, head.german))?;
        }
        match &self.chain {
            Ok(walked) => self.tell_heads(walked.end.seq, context),
            Err(_) => Ok(()),
        }
    }

    /// What the heads that fit prove, and what nothing proves.
    fn tell_heads(&self, rows: u64, context: &mut Context<'_>) -> Result<(), Stop> {
        let fitting = self.heads.iter().filter(|head| head.fits());
        let Some(last) = fitting.clone().max_by_key(|head| head.seq) else {
            return context.line(if self.trust_was_given { told::UNPROVEN } else { told::INNER_ONLY });
        };
        let (count, seq) = (fitting.count(), last.seq.unwrap_or_default());
        let at = last.at.map(second).unwrap_or_default();
        let (signer, heads) =
            (last.signer.as_deref().unwrap_or("?"), if count == 1 { "Kopf passt" } else { "Köpfe passen" });
        context.line(format!("{count} {heads}; bis Zeile {seq} belegt, unterzeichnet {at} von {signer}."))?;
        if !self.trust_was_given {
            context.line(told::SIGNER_UNKNOWN)?;
        }
        if seq < rows {
            context.line(format!("Die Zeilen danach ({} bis {rows}) belegt noch kein Kopf.", seq + 1))?;
        }
        Ok(())
    }
}
