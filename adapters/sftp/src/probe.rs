//! Tries, step by step, what a delivery meets.

use crate::disk::Remote;
use crate::session::{Server, Trouble};
use rohrpost_kit::files::{self, Disk};
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{Finding, Probe, Words};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

const HOST_KEY: &str = "host-key";
const LOG_IN: &str = "log-in";

pub(crate) async fn probe(server: &Server, folder: &Path, now: Timestamp, probe: &mut Probe) {
    server.endpoint.plan(probe);
    probe.plan(HOST_KEY, Words::new("Host-Schlüssel prüfen", "check the host key"));
    probe.plan(
        LOG_IN,
        Words::new(format!("anmelden als {}", server.user), format!("log in as {}", server.user)),
    );
    files::plan_probe(folder, probe);
    if !server.endpoint.reach(probe, now).await {
        return;
    }
    let entered = tokio::time::timeout(server.patience, enter(server, probe)).await;
    let session = match entered {
        Ok(Some(session)) => session,
        Ok(None) => return,
        Err(_) => return probe.cut_off(server.patience, "connect-timeout"),
    };
    let disk: Arc<dyn Disk> = Arc::new(Remote::new(session, folder));
    files::probe(&disk, folder, now, advice, probe).await;
}

async fn enter(server: &Server, probe: &mut Probe) -> Option<crate::session::Session> {
    let greeted = match server.endpoint.open().await {
        Ok(stream) => server.greet(stream).await,
        Err(failure) => Err(Trouble::Connection(failure)),
    };
    let handle = greeted.map_err(|trouble| probe.end(failed(trouble))).ok()?;
    probe.end(Finding::Works(Words::new("wie eingetragen", "as configured")));
    let entered = server.enter(handle).await;
    let session = entered.map_err(|trouble| probe.end(failed(trouble))).ok()?;
    probe.end(Finding::Works(Words::new("angemeldet", "logged in")));
    Some(session)
}

fn failed(trouble: Trouble) -> Finding {
    let advice = match &trouble {
        Trouble::Connection(_) => Words::new(
            "Die Verbindung bricht ab, bevor die Anmeldung fertig ist. Port prüfen (spricht dort SSH?), sonst beim Ziel \
             nachsehen, ob es diesen Rechner aussperrt.",
            "The connection breaks off before the log-in is done. Check the port (does SSH speak there?), else look at \
             the target whether it locks this machine out.",
        ),
        Trouble::HostKey(shown) => Words::new(
            format!(
                "Gezeigt wird ein anderer Schlüssel als die eingetragenen: {shown}. Beim Betreiber auf sicherem Weg \
                 erfragen, ob das seiner ist; erst dann unter `host-keys` eintragen."
            ),
            format!(
                "Another key is shown than those that are configured: {shown}. Ask the operator over a safe channel \
                 whether it is theirs; only then name it under `host-keys`."
            ),
        ),
        Trouble::NothingInCommon(what) => Words::new(
            format!(
                "Es gibt kein gemeinsames Verfahren ({what}). Das Ziel muss Ed25519 oder ECDSA, AES-GCM oder AES-CTR \
                 und SHA-2 können."
            ),
            format!(
                "There is no common method ({what}). The target has to know Ed25519 or ECDSA, AES-GCM or AES-CTR, and \
                 SHA-2."
            ),
        ),
        Trouble::LogIn => Words::new(
            "Das Ziel lehnt die Anmeldung ab. `user` und `key` oder `password` prüfen; den öffentlichen Schlüssel beim \
             Ziel eintragen lassen.",
            "The target refuses the log-in. Check `user` and `key` or `password`; have the public key entered at the \
             target.",
        ),
        Trouble::NoSftp => Words::new(
            "Angemeldet, aber das Ziel bietet diesem Benutzer kein SFTP. Dort einrichten lassen.",
            "Logged in, but the target has no SFTP for this user. Have it set up there.",
        ),
    };
    Finding::Fails { reason: trouble.failure().reason().clone(), advice }
}

fn advice(kind: ErrorKind) -> Words {
    match kind {
        ErrorKind::NotFound => Words::new(
            "Den Ordner gibt es auf dem Server nicht. Dort anlegen lassen; Rohrpost legt ihn nicht an.",
            "There is no such folder on the server. Have it made there; the hub does not make it.",
        ),
        ErrorKind::PermissionDenied => Words::new(
            "Der Benutzer darf das auf dem Server nicht. Er muss im Ordner Ordner und Dateien anlegen, umbenennen und \
             löschen dürfen.",
            "The user must not do that on the server. In the folder it has to be allowed to make, rename and remove \
             folders and files.",
        ),
        ErrorKind::ConnectionAborted => Words::new(
            "Die Verbindung riss. Beim Ziel nachsehen.",
            "The connection tore. Look at the target.",
        ),
        _ => Words::new(
            "Der Server meldet einen Fehler, ohne ihn zu nennen. Dort ins Protokoll sehen (Platz, Kontingent, Pfad).",
            "The server reports an error without telling which. Look into its log (room, quota, path).",
        ),
    }
}
