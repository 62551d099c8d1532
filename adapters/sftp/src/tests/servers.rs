//! What a server can do otherwise than it should.

use super::peer::{Serves, Sshd, fingerprint, is_there, keygen};
use super::{configure, missing};
use rohrpost_kit::conformance::units::{arrived, visible};
use rohrpost_kit::conformance::{Peer, Sample};
use rohrpost_model::ports::{Inquiry, Probe, Target};
use rohrpost_model::{Failure, Reason, ReasonCode};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

async fn failed(target: &dyn Target) -> Failure {
    target.deliver(&Sample::new().parcel(1)).await.unwrap_err()
}

fn refused(failure: Failure) -> Reason {
    let Failure::Refused(reason) = failure else { panic!("{failure:?}") };
    reason
}

#[tokio::test]
async fn openssh_takes_a_unit_without_anything_between() {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Internal, "flat");
    let sample = Sample::new().with_signature().with_attachment(Some("a.pdf"), 3_000_000);
    let first = sshd.target().deliver(&sample.parcel(1)).await.unwrap();
    assert_eq!(arrived(&sshd.folder(), sample.key)[0].0, sample.digests());
    assert_eq!(sshd.target().deliver(&sample.parcel(2)).await.unwrap(), first);
    // Without its plans the unit is known by its sidecar and its content.
    fs::remove_dir_all(sshd.folder().join(".rohrpost")).unwrap();
    assert_eq!(sshd.target().inquire(&sample.parcel(1), None).await, Ok(Inquiry::Found(first.clone())));
    assert_eq!(sshd.target().deliver(&sample.parcel(3)).await.unwrap(), first);
    assert_eq!(visible(&sshd.folder()).len(), 4);
    let mut probe = Probe::default();
    sshd.target().probe(&mut probe).await;
    assert!(probe.is_well(), "{probe:#?}");
}

#[tokio::test]
async fn a_print_service_on_openssh_finds_a_letter_and_its_control_file() {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Internal, "flat");
    let control =
        "[sftp.print.control]\nextension = \"csv\"\nformat = \"csv\"\nline = \"{file};{pages}\\n\"\n";
    let target = sshd.target_with(control);
    let sample = Sample::letter();
    let first = target.deliver(&sample.parcel(1)).await.unwrap();
    let files = visible(&sshd.folder());
    let read = |ending: &str| {
        let file = files.iter().find(|path| path.to_string_lossy().ends_with(ending)).unwrap();
        (file.file_name().unwrap().to_string_lossy().into_owned(), fs::read(file).unwrap())
    };
    let ((pdf, letter), (_, csv)) = (read(".pdf"), read(".csv"));
    assert_eq!((files.len(), letter), (2, sample.message.to_vec()));
    assert_eq!(String::from_utf8(csv).unwrap(), format!("{pdf};1\n"));
    assert_eq!(target.deliver(&sample.parcel(2)).await.unwrap(), first);
    let wrong = Sample::new();
    let failure = target.deliver(&wrong.parcel(1)).await.unwrap_err();
    assert_eq!(refused(failure).code, ReasonCode::NotPdf);
    assert_eq!(visible(&sshd.folder()).len(), 2);
}

#[tokio::test]
async fn what_others_put_under_the_name_is_never_overwritten() {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Internal, "flat");
    let sample = Sample::new();
    let taken = sshd.folder().join(format!("20261124T083000Z_2026_BR-4711_{}.meta.json", sample.key));
    fs::write(&taken, "somebody else's").unwrap();
    for attempt in 1..3 {
        let failure = sshd.target().deliver(&sample.parcel(attempt)).await.unwrap_err();
        assert_eq!(refused(failure).code, ReasonCode::NameTaken);
        assert_eq!(fs::read_to_string(&taken).unwrap(), "somebody else's");
    }
}

#[tokio::test]
async fn another_host_key_is_refused_before_anybody_logs_in() {
    if !is_there() {
        return;
    }
    let mut sshd = Sshd::start(Serves::Internal, "flat");
    let (pinned, settings) = (fingerprint(&sshd.path("hostkey.pub")), sshd.settings(""));
    sshd.target().deliver(&Sample::new().parcel(1)).await.unwrap();
    fs::remove_file(sshd.path("hostkey")).unwrap();
    keygen(&sshd.path("hostkey"), "", "ed25519");
    sshd.restart();
    let before = visible(&sshd.folder()).len();
    let reason = refused(failed(configure(&settings).unwrap().as_ref()).await);
    let shown = fingerprint(&sshd.path("hostkey.pub"));
    assert_eq!(reason.code, ReasonCode::HostKeyDiffers);
    assert_eq!(reason.params["shown"], format!("ssh-ed25519 {shown}"));
    assert!(reason.german().contains("es wurde nichts gesendet") && pinned != shown);
    assert_eq!(visible(&sshd.folder()).len(), before);
    assert!(!sshd.log().contains("Accepted") && !sshd.log().contains("Failed"), "{}", sshd.log());
    // A line of known_hosts is as good as a fingerprint, and any of several keys is enough.
    let line = fs::read_to_string(sshd.path("hostkey.pub")).unwrap();
    let keys = format!("host-keys = [\"{pinned}\", \"[127.0.0.1]:{} {}\"]\n", sshd.port, line.trim());
    sshd.target_with(&keys).deliver(&Sample::new().parcel(1)).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_not_admitted_is_refused_and_one_with_a_passphrase_is_opened() {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Internal, "flat");
    let with = |key: &str, more: &str| format!("key = {{ file = \"{}\" }}\n{more}", sshd.path(key).display());
    let reason = refused(failed(sshd.target_with(&with("other", "")).as_ref()).await);
    assert_eq!(reason.code, ReasonCode::CredentialsRefused);
    // The question is asked again, because a mended key may be let in.
    let asked = sshd.target_with(&with("other", "")).inquire(&Sample::new().parcel(1), None).await;
    assert!(matches!(asked, Err(Failure::Unavailable { .. })), "{asked:?}");
    let locked = sshd.target_with(&with("locked", "passphrase = { env = \"PASSWORD\" }\n"));
    locked.deliver(&Sample::new().parcel(1)).await.unwrap();
}

#[tokio::test]
async fn old_algorithms_are_not_spoken() {
    if !is_there() {
        return;
    }
    for (line, what) in [
        ("KexAlgorithms diffie-hellman-group14-sha1", "kex"),
        ("Ciphers aes256-cbc", "cipher"),
        ("Ciphers aes256-ctr\nMACs hmac-sha1", "mac"),
    ] {
        let sshd = Sshd::start_with(Serves::Internal, "flat", line, &[]);
        let reason = refused(failed(sshd.target().as_ref()).await);
        assert_eq!(reason.code, ReasonCode::TargetRefused);
        assert_eq!(reason.params["status"], format!("no-common-{what}"), "{line}");
    }
}

#[tokio::test]
async fn where_nobody_listens_or_the_folder_is_not_there_it_is_tried_again() {
    if !is_there() {
        return;
    }
    let mut sshd = Sshd::start(Serves::Internal, "flat");
    fs::remove_dir(sshd.folder()).unwrap();
    let Failure::Unavailable { reason, .. } = failed(sshd.target().as_ref()).await else { panic!() };
    assert_eq!(reason.code, ReasonCode::FolderUnavailable);
    sshd.stop();
    let Failure::Unavailable { reason, .. } = failed(sshd.target().as_ref()).await else { panic!() };
    assert_eq!(reason.code, ReasonCode::Unreachable);
}

#[tokio::test]
async fn what_may_only_be_read_is_refused() {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start_with(Serves::Internal, "flat", "ForceCommand internal-sftp -R", &[]);
    let reason = refused(failed(sshd.target().as_ref()).await);
    assert_eq!(
        (reason.code, reason.params["status"].as_str()),
        (ReasonCode::TargetRefused, "permission-denied")
    );
}

#[tokio::test]
async fn a_server_without_sftp_is_told_as_such() {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Nothing, "flat");
    let reason = refused(failed(sshd.target().as_ref()).await);
    assert_eq!((reason.code, reason.params["status"].as_str()), (ReasonCode::TargetRefused, "no-sftp"));
}

/// No file may become larger than 64 KB: to the server that is an error like a full disk, in the middle of a file.
#[tokio::test]
async fn a_file_that_cannot_be_written_to_its_end_is_never_published() {
    if !is_there() {
        return;
    }
    let limit = ["/bin/sh", "-c", "trap '' XFSZ; ulimit -f 128; exec \"$@\"", "sh"];
    let mut sshd = Sshd::start_with(Serves::Internal, "flat", "", &limit);
    let sample = Sample::new().with_attachment(Some("gross.bin"), 2_000_000);
    let failure = sshd.target().deliver(&sample.parcel(1)).await.unwrap_err();
    let Failure::Unavailable { reason, .. } = failure else { panic!("{failure:?}") };
    assert_eq!(reason.code, ReasonCode::FolderUnavailable);
    assert!(visible(&sshd.folder()).is_empty(), "h5: surely not taken");
    assert_eq!(sshd.target().inquire(&sample.parcel(1), None).await, Ok(Inquiry::Absent));
    sshd.restart();
    sshd.target().deliver(&sample.parcel(2)).await.unwrap();
    assert_eq!(arrived(&sshd.folder(), sample.key)[0].0, sample.digests());
}

/// A small disk of its own, which only root can mount.
#[tokio::test]
async fn a_full_disk_is_told_as_such() {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Internal, "flat");
    let mount = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];
    let mounted = Command::new("mount").args(mount).arg(sshd.folder()).stderr(Stdio::null()).status();
    if !mounted.is_ok_and(|it| it.success()) {
        eprintln!("SKIPPED: only root can mount a small disk");
        return;
    }
    let sample = Sample::new().with_attachment(Some("gross.bin"), 3_000_000);
    let failure = sshd.target().deliver(&sample.parcel(1)).await;
    let left = visible(&sshd.folder()).len();
    assert!(Command::new("umount").arg("-l").arg(sshd.folder()).status().unwrap().success());
    let Err(Failure::Unavailable { reason, .. }) = failure else { panic!("{failure:?}") };
    assert_eq!((reason.code, left), (ReasonCode::FolderFull, 0));
}

/// AsyncSSH: a second server that others wrote, for passwords, which OpenSSH without root cannot check.
struct AsyncSsh {
    process: Child,
    home: tempfile::TempDir,
    port: u16,
}

const ASYNCSSH: &str = r#"
import asyncio, asyncssh, sys
home, dialogue = sys.argv[1], sys.argv[2] == "dialogue"
class Server(asyncssh.SSHServer):
    def password_auth_supported(self): return not dialogue
    def validate_password(self, user, password): return (user, password) == ("hub", "geheim-4711")
    def kbdint_auth_supported(self): return dialogue
    def get_kbdint_challenge(self, user, lang, submethods): return "", "", "", [("Password:", False)]
    def validate_kbdint_response(self, user, responses): return (user, responses) == ("hub", ["geheim-4711"])
async def main():
    files = lambda channel: asyncssh.SFTPServer(channel, chroot=home + "/files")
    server = await asyncssh.listen("127.0.0.1", 0, server_host_keys=[home + "/hostkey"], server_factory=Server, sftp_factory=files)
    print(server.get_port(), flush=True)
    await server.wait_closed()
asyncio.run(main())
"#;

impl Drop for AsyncSsh {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl AsyncSsh {
    fn start(way: &str) -> Option<Self> {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/python/bin/python3");
        let knows = Command::new(&python).args(["-c", "import asyncssh"]).stderr(Stdio::null()).status();
        if !knows.is_ok_and(|it| it.success()) {
            missing("AsyncSSH is not there: scripts/python-peers");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        keygen(&home.path().join("hostkey"), "", "ecdsa");
        fs::create_dir_all(home.path().join("files/eingang")).unwrap();
        let mut process = Command::new(python)
            .args(["-c", ASYNCSSH])
            .arg(home.path())
            .arg(way)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        Some(Self { process, home, port: line.trim().parse().unwrap() })
    }

    fn settings(&self, user: &str) -> String {
        let key = fingerprint(&self.home.path().join("hostkey.pub"));
        format!(
            "[sftp]\nhost = \"127.0.0.1\"\nport = {}\nhost-keys = [\"{key}\"]\nuser = \"{user}\"\npassword = {{ env = \
             \"PASSWORD\" }}\nfolder = \"/eingang\"\n",
            self.port
        )
    }
}

#[tokio::test]
async fn a_password_is_taken_by_the_method_and_in_a_dialogue_and_a_wrong_one_refused() {
    if !is_there() {
        return;
    }
    for way in ["method", "dialogue"] {
        let Some(server) = AsyncSsh::start(way) else { return };
        let target = configure(&server.settings("hub")).unwrap();
        let sample = Sample::new().with_attachment(Some("a.pdf"), 500_000);
        target.deliver(&sample.parcel(1)).await.unwrap();
        let folder = server.home.path().join("files/eingang");
        assert_eq!(arrived(&folder, sample.key)[0].0, sample.digests(), "{way}");
        let mut probe = Probe::default();
        target.probe(&mut probe).await;
        assert!(probe.is_well(), "{way}: {probe:#?}");
        let reason = refused(failed(configure(&server.settings("nobody")).unwrap().as_ref()).await);
        assert_eq!(reason.code, ReasonCode::CredentialsRefused, "{way}");
    }
}
