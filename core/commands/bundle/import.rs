//! `rohrpost bundle import FILE [--trust DIR] [--untrusted] [--rename OLD=NEW…] [--tenant NAME…] [--replace] [--apply]`.

use crate::assemble::ALL;
use crate::bundles::{
    Change, HandOver, Landing, Manifest, Need, Renaming, Rewrite, Unopened, failed_cases, needs,
};
use crate::commands::Context;
use crate::commands::table::Table;
use crate::commands::verify::{german, machine, read_trust};
use crate::config::{Origin, Texts, library_folder, load_from};
use crate::faults::Stop;
use crate::restore;
use crate::standards::read_shelf;
use rohrpost_model::{Fault, TenantName};
use rohrpost_seal::{TrustStore, Verdict, verify_cms};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Verify such a file, show what it needs and what it would change, and take it with --apply.
///
/// Nothing is written without --apply, and with it all files or none. What would not pass `check` is not taken, nor what
/// fails a case of its own.
#[derive(clap::Args)]
pub struct Arguments {
    /// The file that `rohrpost bundle export` wrote.
    file: PathBuf,
    /// The folder of trusted certificates, in PEM.
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
    /// Go on although the signer is not trusted.
    #[arg(long)]
    untrusted: bool,
    /// Another name for a route, mapping, seal or destination; `mapping:OLD=NEW` where several are called so.
    #[arg(long = "rename", value_name = "OLD=NEW")]
    renamings: Vec<Renaming>,
    /// Whose submissions the routes take here; may be given often. Without it, those of the tenants that the file names.
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<TenantName>,
    /// Replace files here that are different.
    #[arg(long)]
    replace: bool,
    /// Write it.
    #[arg(long)]
    apply: bool,
}

/// What is known of a hand over before it is taken.
struct Examined {
    verdict: Verdict,
    needs: Vec<Need>,
    /// How many cases passed, or what is wrong with mappings and cases.
    cases: Result<usize, Vec<Fault>>,
    /// What `check` would find.
    faults: Vec<Fault>,
}

impl Examined {
    fn fits(&self) -> bool {
        self.cases.is_ok() && self.faults.is_empty()
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let folder = context.folder.clone();
    let library = library_folder(&folder).ok_or_else(|| {
        let hub = folder.join("hub.toml");
        Stop::Failed(format!("{} names no folder of mappings; add mappings = \"…\"", hub.display()))
    })?;
    if arguments.apply {
        restore::finish(&folder).map_err(|error| Stop::file(&folder, &error))?;
    }
    let unopened = Unopened::read(&arguments.file)?;
    let verdict = believed(arguments, &unopened, context)?;
    let package = HandOver::open(unopened)?;
    let package = Rewrite::new(&arguments.renamings, &arguments.tenants, &package)?.apply(package)?;
    let landing = Landing::new(&package, &folder, &library).map_err(|error| Stop::file(&folder, &error))?;
    let examined = examine(verdict, &package, &landing, context);
    let applied = arguments.apply && allowed(arguments, &examined, &landing);
    let replaced = match applied && !landing.changes.is_empty() {
        true => landing.put(context.clock.now()).map_err(|error| Stop::file(&folder, &error))?,
        false => None,
    };
    if context.json {
        told_to_machines(&package.manifest, &examined, &landing, applied, context)?;
    } else {
        told(arguments, &package.manifest, &examined, &landing, context)?;
        outcome(arguments, &examined, &landing, (applied, replaced), context)?;
    }
    ended(arguments, &examined, &landing)
}

/// The verdict over the signature, where one may go on with it.
fn believed(arguments: &Arguments, unopened: &Unopened, context: &mut Context<'_>) -> Result<Verdict, Stop> {
    let trust = match &arguments.trust {
        Some(folder) => read_trust(folder)?,
        None => TrustStore::from_pems(Vec::new()).map_err(|fault| Stop::Failed(fault.0))?,
    };
    let verdict = verify_cms(&unopened.manifest, &unopened.signature, &trust, context.clock.now());
    let goes_on = match &verdict {
        Verdict::Trusted(_) => true,
        Verdict::Untrusted { .. } => arguments.untrusted,
        _ => false,
    };
    if goes_on {
        return Ok(verdict);
    }
    if context.json {
        context.json(&json!({ "signature": machine(&verdict), "applied": false }))?;
        return Err(Stop::Negative);
    }
    context.line(format!("{}: {}\n{verdict}", arguments.file.display(), german(&verdict)))?;
    if let Verdict::Untrusted { .. } = verdict {
        context.line(
            "Nichts wurde übernommen. `--trust ORDNER` nennt den Ordner mit dem Zertifikat des Unterzeichners oder seiner CA; \
             `--untrusted` geht ohne ihn weiter.",
        )?;
    }
    Err(Stop::Negative)
}

fn examine(verdict: Verdict, package: &HandOver, landing: &Landing<'_>, context: &Context<'_>) -> Examined {
    let (shelf, _) = read_shelf(&context.folder);
    let texts = Texts::of_folder(&context.folder);
    let needs = needs(package, &texts, &shelf);
    let cases = failed_cases(package);
    let afterwards = landing.afterwards(package, texts);
    let origin = Origin::Kept(&afterwards);
    let loaded = load_from(origin, &context.folder, &context.secrets(), ALL, &context.clock);
    Examined { verdict, needs, cases, faults: loaded.err().unwrap_or_default() }
}

fn allowed(arguments: &Arguments, examined: &Examined, landing: &Landing<'_>) -> bool {
    examined.fits() && (arguments.replace || landing.overwritten().is_empty())
}

fn told(
    arguments: &Arguments,
    manifest: &Manifest,
    examined: &Examined,
    landing: &Landing<'_>,
    context: &mut Context<'_>,
) -> Result<(), Stop> {
    let Examined { verdict, needs, .. } = examined;
    context.line(format!("{}: {}\n{verdict}", arguments.file.display(), german(verdict)))?;
    let routes: Vec<_> = manifest.routes.iter().map(|name| name.as_str()).collect();
    let Manifest { created, rohrpost, .. } = manifest;
    context.line(format!("Routen {}; geschrieben {created} von Rohrpost {rohrpost}\n", routes.join(", ")))?;
    let mut table = Table::new(&["BRAUCHT", "NAME", "STAND", "ZU TUN"]);
    for Need { kind, name, standing, says } in needs {
        table.row(vec![(*kind).to_owned(), name.clone(), standing.german().to_owned(), says.clone()]);
    }
    context.line(format!("{table}\n"))?;
    tell_new(landing, context)?;
    let mut others = landing.changes.iter().filter(|change| change.change != "added");
    others.try_for_each(|change| tell_change(change, context))?;
    context.line(format!("{} Dateien sind hier schon genauso", landing.identical()))?;
    match &examined.cases {
        Ok(passed) => context.line(format!("{passed} Fälle von Mappings bestehen"))?,
        Err(faults) => tell_faults("Fälle und Mappings:", faults, context)?,
    }
    match examined.faults.as_slice() {
        [] => context.line("`rohrpost check` findet danach keinen Fehler"),
        faults => tell_faults("`rohrpost check` würde danach melden:", faults, context),
    }
}

/// New files by route and mapping: they are in the file that was handed over, for whoever wants to read them.
fn tell_new(landing: &Landing<'_>, context: &mut Context<'_>) -> Result<(), Stop> {
    let mut new: BTreeMap<String, usize> = BTreeMap::new();
    for change in landing.changes.iter().filter(|change| change.change == "added") {
        let item = change.path.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
        *new.entry(item).or_default() += 1;
    }
    new.into_iter().try_for_each(|(item, files)| match files {
        1 => context.line(format!("neu       {item}")),
        _ => context.line(format!("neu       {item} ({files} Dateien)")),
    })
}

fn tell_change(change: &Change, context: &mut Context<'_>) -> Result<(), Stop> {
    let word = if change.change == "removed" { "entfällt" } else { "geändert" };
    context.line(format!("{word}  {}\n{}", change.path, change.diff))
}

fn tell_faults(title: &str, faults: &[Fault], context: &mut Context<'_>) -> Result<(), Stop> {
    context.line(title)?;
    faults.iter().try_for_each(|fault| context.line(format!("  {fault}")))
}

fn told_to_machines(
    manifest: &Manifest,
    examined: &Examined,
    landing: &Landing<'_>,
    applied: bool,
    context: &mut Context<'_>,
) -> Result<(), Stop> {
    let Examined { verdict, needs, cases, faults } = examined;
    let changes =
        landing.changes.iter().map(|it| json!({ "path": it.path, "change": it.change, "diff": it.diff }));
    context.json(&json!({
        "signature": machine(verdict), "created": manifest.created, "routes": manifest.routes,
        "mappings": manifest.mappings, "needs": needs, "changes": changes.collect::<Vec<_>>(),
        "identical": landing.identical(), "casesPassed": cases.as_ref().ok(), "casesFailed": cases.as_ref().err(),
        "faults": faults, "applied": applied,
    }))
}

fn outcome(
    arguments: &Arguments,
    examined: &Examined,
    landing: &Landing<'_>,
    (applied, replaced): (bool, Option<PathBuf>),
    context: &mut Context<'_>,
) -> Result<(), Stop> {
    if let Some(replaced) = replaced {
        context.line(format!("Was ersetzt wurde, liegt in {}.", replaced.display()))?;
    }
    if examined.fits() && landing.changes.is_empty() {
        return context.line("Es gibt nichts zu ändern.");
    }
    if applied {
        return context
            .line("Übernommen. Weiter mit `rohrpost check`, `rohrpost test` und `rohrpost config activate --reason …`.");
    }
    match examined.fits() {
        true if arguments.apply => Ok(()),
        true => context.line("Noch ist nichts geschrieben: `--apply` übernimmt es."),
        false => context.line("So kann es nicht übernommen werden; geschrieben ist nichts."),
    }
}

/// The answer is no where it does not fit, or where it would overwrite something that nobody gave up.
fn ended(arguments: &Arguments, examined: &Examined, landing: &Landing<'_>) -> Result<(), Stop> {
    if !examined.fits() {
        return Err(Stop::Negative);
    }
    let overwritten = landing.overwritten();
    if arguments.apply && !arguments.replace && !overwritten.is_empty() {
        return Err(Stop::Failed(format!(
            "es wurde nichts geschrieben, denn hier ist anders, was überschrieben würde: {}. `--replace` ersetzt es und \
             legt Kopien in den Ordner replaced/",
            overwritten.join(", ")
        )));
    }
    Ok(())
}
