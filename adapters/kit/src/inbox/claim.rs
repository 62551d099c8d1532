//! Claiming a unit, and putting it away.

use super::unit::Unit;
use super::{CLAIMED, DONE, ERROR, Inbox};
use bytes::Bytes;
use rohrpost_model::Failure;
use rohrpost_model::ports::TurnedAway;

impl Inbox {
    /// Moves a unit to what is claimed, its data last; whether it is there whole. One that lies there from before under the
    /// same name comes first.
    pub(super) async fn claim(&self, unit: &Unit) -> Result<bool, Failure> {
        let name = &unit.name;
        if self.is_claimed(name).await? {
            return Ok(false);
        }
        let home = format!("{CLAIMED}/{name}");
        self.files.make_folder(&home).await?;
        let data = self.data(name);
        // The sign too: one that stayed behind would count for the next file of this name.
        for entry in unit.entries.iter().filter(|entry| entry.name != data) {
            self.files.rename(&entry.name, &format!("{home}/{}", entry.name)).await?;
        }
        self.files.rename(&data, &format!("{home}/{data}")).await
    }

    /// Puts a unit away that is kept.
    pub(super) async fn done(&self, name: &str, digest: &str) -> Result<(), Failure> {
        let claimed = format!("{CLAIMED}/{name}");
        if self.rules.delete {
            // In one step it is no unit any more that could be handed in again.
            let gone = format!("{CLAIMED}/.{name}-{digest}");
            self.files.rename(&claimed, &gone).await?;
            return self.files.remove(&gone).await;
        }
        self.put_away(name, DONE, digest).await
    }

    /// Puts a unit away that nobody takes, with the reason for whoever dropped it.
    pub(super) async fn refused(&self, name: &str, digest: &str, turned: &TurnedAway) -> Result<(), Failure> {
        let reason = Bytes::from(format!("{}\n", turned.german));
        self.files.write(&format!("{CLAIMED}/{name}/{name}.reason.txt"), reason).await?;
        self.put_away(name, ERROR, digest).await
    }

    /// One of the same name and content that lies there from before makes room.
    async fn put_away(&self, name: &str, folder: &str, digest: &str) -> Result<(), Failure> {
        let target = format!("{folder}/{name}-{digest}");
        self.files.make_folder(folder).await?;
        self.files.remove(&target).await?;
        self.files.rename(&format!("{CLAIMED}/{name}"), &target).await.map(drop)
    }
}
