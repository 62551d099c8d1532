use super::*;
use crate::conformance::TestDesk;
use futures::StreamExt as _;
use rohrpost_model::Reason;
use rohrpost_model::ports::Why;
use rohrpost_model::submission::Role;
use toml::Spanned;

/// A clock that tests move.
#[derive(Default)]
struct Hand(Mutex<i64>);

#[async_trait]
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_795_509_000 + *self.0.lock().unwrap()).unwrap()
    }

    async fn sleep_until(&self, _: Timestamp) {
        std::future::pending().await
    }
}

/// Files in memory, which break off at a call.
#[derive(Default)]
struct Memory(Mutex<Disk>);

#[derive(Default)]
struct Disk {
    /// Path → content and time; a folder has none.
    nodes: BTreeMap<String, Option<(Bytes, i128)>>,
    calls: usize,
    /// At this call it breaks off: before it does anything, or after it has done it.
    breaks: Option<(usize, bool)>,
}

fn broken() -> Failure {
    Failure::unavailable(Reason::new(ReasonCode::FolderUnavailable))
}

fn below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

impl Memory {
    fn drop_file(&self, path: &str, content: &str, modified: i128) {
        let mut disk = self.0.lock().unwrap();
        if let Some((folder, _)) = path.rsplit_once('/') {
            disk.nodes.insert(folder.to_owned(), None);
        }
        disk.nodes.insert(path.to_owned(), Some((Bytes::copy_from_slice(content.as_bytes()), modified)));
    }

    fn breaks_at(&self, breaks: Option<(usize, bool)>) {
        let mut disk = self.0.lock().unwrap();
        (disk.calls, disk.breaks) = (0, breaks);
    }

    fn files(&self) -> Vec<String> {
        let disk = self.0.lock().unwrap();
        disk.nodes.iter().filter(|(_, node)| node.is_some()).map(|(path, _)| path.clone()).collect()
    }

    fn text(&self, path: &str) -> String {
        let disk = self.0.lock().unwrap();
        String::from_utf8(disk.nodes[path].as_ref().unwrap().0.to_vec()).unwrap()
    }

    /// Once it broke off, nothing works any more, as for a process that is killed.
    fn call<T>(&self, does: impl FnOnce(&mut Disk) -> T) -> Result<T, Failure> {
        let mut disk = self.0.lock().unwrap();
        disk.calls += 1;
        match disk.breaks {
            Some((at, after)) if disk.calls > at || (disk.calls == at && !after) => Err(broken()),
            Some((at, _)) if disk.calls == at => {
                does(&mut disk);
                Err(broken())
            }
            _ => Ok(does(&mut disk)),
        }
    }
}

#[async_trait]
impl Files for Memory {
    async fn list(&self, folder: &str) -> Result<Option<Vec<Entry>>, Failure> {
        self.call(|disk| {
            let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            if !folder.is_empty() && !disk.nodes.get(folder).is_some_and(Option::is_none) {
                return None;
            }
            let entries = disk.nodes.iter().filter_map(|(path, node)| {
                let name = path.strip_prefix(&prefix).filter(|name| !name.contains('/'))?.to_owned();
                let (size, modified) =
                    node.as_ref().map_or((0, 0), |(content, at)| (content.len() as u64, *at));
                Some(Entry { name, is_folder: node.is_none(), size, modified })
            });
            Some(entries.collect())
        })
    }

    async fn open(&self, file: &str) -> Result<Content, Failure> {
        let content = self.call(|disk| disk.nodes.get(file).cloned().flatten())?;
        let (content, _) = content.ok_or_else(broken)?;
        Ok(futures::stream::iter([Ok(content)]).boxed())
    }

    async fn rename(&self, from: &str, to: &str) -> Result<bool, Failure> {
        self.call(|disk| {
            let moved: Vec<_> =
                disk.nodes.keys().filter(|path| *path == from || below(path, from)).cloned().collect();
            for path in &moved {
                let node = disk.nodes.remove(path).unwrap();
                disk.nodes.insert(format!("{to}{}", &path[from.len()..]), node);
            }
            !moved.is_empty()
        })
    }

    async fn make_folder(&self, folder: &str) -> Result<(), Failure> {
        self.call(|disk| {
            disk.nodes.entry(folder.to_owned()).or_insert(None);
        })
    }

    async fn write(&self, file: &str, content: Bytes) -> Result<(), Failure> {
        self.call(|disk| {
            disk.nodes.insert(file.to_owned(), Some((content, 0)));
        })
    }

    async fn remove(&self, path: &str) -> Result<(), Failure> {
        self.call(|disk| disk.nodes.retain(|one, _| one != path && !below(one, path)))
    }
}

struct Setup {
    files: Arc<Memory>,
    clock: Arc<Hand>,
    inbox: Inbox,
    desk: TestDesk,
}

fn rules() -> Rules {
    let usual =
        Usual { service: "99108003000000".parse().ok(), area: "15091".parse().ok(), ..Usual::default() };
    Rules {
        extension: "xml".into(),
        media_type: "application/xml".into(),
        whole: Whole::Ready,
        pattern: None,
        usual,
        delete: false,
    }
}

fn setup(rules: Rules) -> Setup {
    let (files, clock) = (Arc::new(Memory::default()), Arc::new(Hand::default()));
    let inbox = Inbox::new(files.clone(), rules, clock.clone());
    Setup { files, clock, inbox, desk: TestDesk::default() }
}

impl Setup {
    async fn round(&self) -> (Round, Result<(), Failure>) {
        let mut round = Round::default();
        let ended = self.inbox.round(&self.desk, &"fachverfahren".parse().unwrap(), &mut round).await;
        (round, ended)
    }

    fn drop_unit(&self, name: &str) {
        self.files.drop_file(&format!("{name}/plan.pdf"), "plan", 1);
        self.files.drop_file(&format!("{name}/foto.jpg"), "foto", 1);
        self.files.drop_file(&format!("{name}.meta.json"), "{\"kind\":\"notice\",\"test\":true}", 1);
        self.files.drop_file(&format!("{name}.xml"), &format!("<{name}/>"), 1);
        self.files.drop_file(&format!("{name}.ready"), "", 1);
    }
}

#[tokio::test]
async fn a_unit_is_handed_in_whole_and_put_away_whole() {
    let setup = setup(rules());
    setup.drop_unit("a");
    setup.files.drop_file("noch-nicht.xml", "<b/>", 1);
    let (round, ended) = setup.round().await;
    assert_eq!((ended, round.taken, round.left), (Ok(()), 1, 0));
    let kept = &setup.desk.kept()[0];
    assert_eq!((kept.intent.kind.as_str(), kept.intent.test), ("notice", true));
    assert_eq!(kept.intent.properties["file.name"], "a.xml");
    let parts: Vec<_> =
        kept.parts.iter().map(|part| (part.role, part.name.as_deref(), part.media_type.as_str())).collect();
    let expected = [
        (Role::Data, None, "application/xml"),
        (Role::Attachment, Some("foto.jpg"), "image/jpeg"),
        (Role::Attachment, Some("plan.pdf"), "application/pdf"),
    ];
    assert_eq!(parts, expected);
    let files = setup.files.files();
    assert_eq!(files.len(), 6, "{files:?}");
    for ending in ["/a.xml", "/a/foto.jpg", "/a/plan.pdf", "/a.meta.json", "/a.ready"] {
        assert!(files.iter().any(|file| file.starts_with("done/a-") && file.ends_with(ending)), "{files:?}");
    }
    assert!(files.contains(&"noch-nicht.xml".to_owned()), "what has no sign stays: {files:?}");
}

#[tokio::test]
async fn h1_h3_broken_off_at_any_call_a_unit_is_kept_once() {
    for delete in [false, true] {
        for after in [false, true] {
            for at in 1.. {
                let setup = setup(Rules { delete, ..rules() });
                setup.drop_unit("a");
                setup.drop_unit("b");
                setup.files.breaks_at(Some((at, after)));
                let (_, ended) = setup.round().await;
                setup.files.breaks_at(None);
                let whole = ended.is_ok();
                let (round, ended) = setup.round().await;
                assert_eq!((ended, round.left), (Ok(()), 0), "{at} {after}");
                let keys: std::collections::BTreeSet<_> =
                    setup.desk.kept().iter().map(|kept| kept.intent.idempotency_key.clone()).collect();
                assert_eq!((keys.len(), setup.desk.kept().len()), (2, 2), "{at} {after}");
                assert!(setup.desk.kept().iter().all(|kept| kept.parts.len() == 3), "{at} {after}");
                let files = setup.files.files();
                assert!(files.iter().all(|file| file.starts_with("done/")), "{at} {after}: {files:?}");
                assert_eq!(files.len(), if delete { 0 } else { 10 }, "{at} {after}: {files:?}");
                if whole {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn what_nobody_takes_goes_to_the_errors_with_a_reason_and_holds_nothing_back() {
    let setup = setup(Rules { usual: Usual::default(), ..rules() });
    for (name, sidecar) in [
        ("a", "{}"),
        ("b", "{\"service\":\"4711\",\"area\":\"15091\"}"),
        ("c", "{\n\"servce\":1}"),
        ("d", "{\"service\":\"99108003000000\",\"area\":\"15091\"}"),
    ] {
        setup.files.drop_file(&format!("{name}.meta.json"), sidecar, 1);
        setup.files.drop_file(&format!("{name}.xml"), "<a/>", 1);
        setup.files.drop_file(&format!("{name}.ready"), "", 1);
    }
    let (round, ended) = setup.round().await;
    assert_eq!((ended, round.taken, round.left), (Ok(()), 1, 3));
    let files = setup.files.files();
    for (name, right) in [("a", "„service“ fehlt"), ("b", "14 Ziffern"), ("c", "c.meta.json:2:8: ")] {
        let reason = files.iter().find(|file| file.ends_with(&format!("/{name}.reason.txt"))).unwrap();
        assert!(reason.starts_with(&format!("error/{name}-")), "{reason}");
        assert!(setup.files.text(reason).contains(right), "{}", setup.files.text(reason));
        let shown = reason.split('/').nth(1).unwrap().strip_prefix(&format!("{name}-")).unwrap();
        assert!(round.named.iter().any(|left| left.message == shown), "h10: it is named by its digest alone");
    }
    assert_eq!(setup.round().await.0, Round::default());
}

#[tokio::test]
async fn a_name_may_be_used_again_with_other_content_and_the_same_content_is_known() {
    let setup = setup(rules());
    for (content, taken, repeated) in [("<a/>", 1, 0), ("<b/>", 1, 0), ("<a/>", 0, 1)] {
        setup.files.drop_file("a.xml", content, 1);
        setup.files.drop_file("a.ready", "", 1);
        let (round, ended) = setup.round().await;
        assert_eq!((ended, round.taken, round.repeated), (Ok(()), taken, repeated), "{content}");
    }
    assert_eq!(setup.files.files().len(), 4, "one of each content: {:?}", setup.files.files());
}

#[tokio::test]
async fn without_a_sign_a_unit_is_whole_when_it_has_not_changed_for_a_while() {
    let setup = setup(Rules { whole: Whole::Stable(Duration::from_secs(10)), ..rules() });
    let later = |seconds: i64| *setup.clock.0.lock().unwrap() += seconds;
    setup.files.drop_file("a.xml", "<a>", 1);
    assert_eq!(setup.round().await.0.taken, 0, "seen for the first time");
    later(9);
    assert_eq!(setup.round().await.0.taken, 0, "not long enough");
    setup.files.drop_file("a.xml", "<a/>", 1);
    later(9);
    assert_eq!(setup.round().await.0.taken, 0, "its size has changed");
    setup.files.drop_file("a/plan.pdf", "p", 1);
    later(9);
    assert_eq!(setup.round().await.0.taken, 0, "an attachment came");
    later(9);
    setup.files.drop_file("a/plan.pdf", "q", 2);
    assert_eq!(setup.round().await.0.taken, 0, "its time has changed");
    later(10);
    assert_eq!(setup.round().await.0.taken, 1);
    assert_eq!(setup.desk.kept()[0].parts.len(), 2);
}

#[tokio::test]
async fn while_the_hub_takes_nothing_units_stay_claimed() {
    let setup = setup(rules());
    setup.drop_unit("a");
    setup.drop_unit("b");
    setup.desk.turn_away(Some(Why::Unavailable));
    let (round, ended) = setup.round().await;
    assert_eq!((ended.unwrap_err().reason().code, round.left), (ReasonCode::HubTrouble, 0));
    assert_eq!(setup.desk.begun(), 1, "the others are not tried");
    setup.desk.turn_away(None);
    assert_eq!(setup.round().await.0.taken, 2);
}

#[tokio::test]
async fn a_name_says_what_the_sidecar_does_not() {
    let pattern = Spanned::new(0..0, "{service}_{area}_{*}".to_owned());
    let pattern = Pattern::configured(&pattern, &crate::settings::Places::new("a.toml", "")).ok();
    let setup = setup(Rules { pattern, usual: Usual::default(), ..rules() });
    for name in ["99108003000000_15091_x", "anders"] {
        setup.files.drop_file(&format!("{name}.xml"), "<a/>", 1);
        setup.files.drop_file(&format!("{name}.ready"), "", 1);
    }
    let (round, ended) = setup.round().await;
    assert_eq!((ended, round.taken, round.left), (Ok(()), 1, 1));
    assert_eq!(setup.desk.kept()[0].intent.area.as_str(), "15091");
}

#[test]
fn without_a_connection_the_other_units_are_not_tried() {
    let told = |code| of_one_unit(Err(Failure::unavailable(Reason::new(code))));
    assert!(told(ReasonCode::Unreachable).is_err() && told(ReasonCode::HubTrouble).is_err());
    assert!(
        told(ReasonCode::FolderUnavailable).unwrap().is_some(),
        "a unit's own trouble is kept for the end"
    );
}
