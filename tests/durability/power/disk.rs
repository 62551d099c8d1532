//! A model of the disk, as strict as POSIX: content counts after a sync of its file, a name after a sync of its folder.

use super::fate::Fate;
use super::file::{Edit, File};
use super::log::{Record, What};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder(usize),
}

type Names = BTreeMap<String, Node>;

/// A change of the names in one folder.
enum Change {
    Put(String, Node),
    Take(String),
    /// Within the folder: at no time neither name is there, and what had the second name is gone.
    Move(String, String),
}

impl Change {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Put(name, node) => drop(names.insert(name.clone(), *node)),
            Self::Take(name) => drop(names.remove(name)),
            Self::Move(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

#[derive(Default)]
struct Folder {
    /// As the processes see it.
    now: Names,
    /// As the last sync left it.
    durable: Names,
    /// Changes since then, with the position in the log.
    pending: Vec<(usize, Change)>,
}

impl Folder {
    fn change(&mut self, position: usize, change: Change) {
        change.apply(&mut self.now);
        self.pending.push((position, change));
    }

    fn synced(&mut self, begin: usize) {
        let before = self.pending.iter().take_while(|(at, _)| *at < begin).count();
        for (_, change) in self.pending.drain(..before) {
            change.apply(&mut self.durable);
        }
    }

    /// What a power cut leaves of it.
    fn after_cut(&self, fate: &mut Fate) -> Names {
        let mut names = self.durable.clone();
        for (_, change) in self.pending.iter().take(fate.prefix(self.pending.len())) {
            change.apply(&mut names);
        }
        names
    }
}

/// The disk under the folder that holds `data` and `keys`.
pub struct Disk {
    files: Vec<File>,
    /// The first is the folder itself.
    folders: Vec<Folder>,
    /// Positions at which the syncs of the running process began, by their numbers.
    begun: HashMap<u64, usize>,
    /// How many records were applied.
    position: usize,
    /// Large files that every cut leaves alike, to be linked: nobody writes to them any more.
    settled: TempDir,
}

impl Disk {
    /// An empty one.
    pub fn new() -> Self {
        let settled = tempfile::tempdir().expect("a temporary folder");
        let (files, folders) = (Vec::new(), vec![Folder::default()]);
        Self { files, folders, begun: HashMap::new(), position: 0, settled }
    }

    /// Goes on to `position` in the log. Syncs of paths that `counts` refuses are taken as if nobody had asked for them.
    pub fn advance(&mut self, log: &[Record], position: usize, counts: impl Fn(&str) -> bool) {
        for record in &log[self.position..position] {
            self.apply(&record.what, &counts);
            self.position += 1;
        }
    }

    fn apply(&mut self, what: &What, counts: &impl Fn(&str) -> bool) {
        match what {
            What::Begun => self.begun.clear(),
            What::Said(_) => {}
            What::Created(path) => {
                self.files.push(File::default());
                self.put(path, Node::File(self.files.len() - 1));
            }
            What::MadeFolder(path) => {
                self.folders.push(Folder::default());
                self.put(path, Node::Folder(self.folders.len() - 1));
            }
            What::Cut(path, length) => self.edit(path, Edit::Length(*length)),
            What::Zeroed(path, at, length) => self.edit(path, Edit::Zero { at: *at, length: *length }),
            What::Written(path, at, bytes) => self.edit(path, Edit::Write { at: *at, bytes: bytes.clone() }),
            What::Removed(path) => {
                let (folder, name) = self.place(path);
                let position = self.position;
                self.folders[folder].change(position, Change::Take(name));
            }
            What::Renamed(from, to) => self.rename(from, to),
            What::Linked(from, to) => {
                let node = self.find(from);
                self.put(to, node);
            }
            What::SyncBegan(number) => drop(self.begun.insert(*number, self.position)),
            What::SyncEnded(path, number) if counts(path) => {
                let begin = self.began(*number);
                match self.seek(path) {
                    Some(Node::File(file)) => self.files[file].synced(begin),
                    Some(Node::Folder(folder)) => self.folders[folder].synced(begin),
                    // Renamed or removed while it was synced.
                    None => {}
                }
            }
            What::SyncFailed(path, number) if counts(path) => {
                let begin = self.began(*number);
                if let Some(Node::File(file)) = self.seek(path) {
                    self.files[file].sync_failed(begin);
                }
            }
            What::SyncEnded(..) | What::SyncFailed(..) => {}
        }
    }

    fn began(&self, number: u64) -> usize {
        *self.begun.get(&number).expect("a sync that began")
    }

    fn put(&mut self, path: &str, node: Node) {
        let (folder, name) = self.place(path);
        let position = self.position;
        self.folders[folder].change(position, Change::Put(name, node));
    }

    fn rename(&mut self, from: &str, to: &str) {
        let node = self.find(from);
        let ((from, old), (to, new)) = (self.place(from), self.place(to));
        let position = self.position;
        if from == to {
            return self.folders[from].change(position, Change::Move(old, new));
        }
        self.folders[to].change(position, Change::Put(new, node));
        self.folders[from].change(position, Change::Take(old));
    }

    fn edit(&mut self, path: &str, edit: Edit) {
        let Node::File(file) = self.find(path) else { panic!("{path} is a folder") };
        self.files[file].edit(self.position, edit);
    }

    /// The folder of a path, and the last part of it.
    fn place(&self, path: &str) -> (usize, String) {
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        match self.find(folder) {
            Node::Folder(folder) => (folder, name.to_owned()),
            Node::File(_) => panic!("{folder} is a file"),
        }
    }

    fn find(&self, path: &str) -> Node {
        self.seek(path).unwrap_or_else(|| panic!("the log has no beginning of {path}"))
    }

    fn seek(&self, path: &str) -> Option<Node> {
        let mut parts = path.split('/').filter(|part| *part != ".");
        parts.try_fold(Node::Folder(0), |node, part| match node {
            Node::Folder(folder) => self.folders[folder].now.get(part).copied(),
            Node::File(_) => None,
        })
    }

    /// Writes into `folder` what a power cut now leaves.
    pub fn cut(&self, fate: &mut Fate, folder: &Path) {
        self.leave(0, fate, folder);
    }

    fn leave(&self, folder: usize, fate: &mut Fate, path: &Path) {
        fs::create_dir_all(path).expect("a folder");
        for (name, node) in self.folders[folder].after_cut(fate) {
            let path = path.join(&name);
            match node {
                Node::Folder(folder) => self.leave(folder, fate, &path),
                // SQLite's shared memory: built anew by the first process that comes.
                Node::File(_) if name.ends_with("-shm") => {}
                Node::File(file) if is_large_content(&path) && !self.files[file].is_at_risk() => {
                    self.link(file, &path);
                }
                Node::File(file) => fs::write(path, self.files[file].after_cut(fate)).expect("a file"),
            }
        }
    }

    fn link(&self, file: usize, path: &Path) {
        let settled = self.settled.path().join(file.to_string());
        if !settled.exists() {
            fs::write(&settled, self.files[file].durable()).expect("a file");
        }
        fs::hard_link(settled, path).expect("a link");
    }
}

/// In a file of its own, which is never changed once it has its name.
fn is_large_content(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "blobs")
}
