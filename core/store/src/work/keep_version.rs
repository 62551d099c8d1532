//! Keeping a version that deliveries pin.

use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::writer::Work;
use rohrpost_model::Digest;

pub(crate) struct KeepVersion {
    pub(crate) kind: String,
    pub(crate) digest: Digest,
    pub(crate) content: Vec<u8>,
}

impl Work for KeepVersion {
    type Output = ();

    fn weight(&self) -> usize {
        self.content.len()
    }

    fn run(&mut self, ledger: &mut Ledger) -> Result<(), Fault> {
        let mut insert = ledger.connection.prepare_cached(
            "INSERT INTO versions (kind, digest, content) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?;
        insert.execute((&self.kind, self.digest.as_bytes(), &self.content))?;
        Ok(())
    }
}
