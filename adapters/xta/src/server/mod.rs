//! The server: management, send and message box of web service 2.1.1 on one listener.
//!
//! | To find | Look in |
//! |---|---|
//! | the table `[xta]` of a listener | `settings` |
//! | who may speak, and as whom | `accounts` |
//! | the WSDL | `description` |
//! | from HTTP to an operation and back | `exchange` |
//! | accounts, look-up, ids, cancelling | `management` |
//! | handing in | `send`; what a message is to the hub: `crate::intake` |
//! | fetching | `msgbox`, with its fetch iterators in `iterator` |
//! | what a Fachstandard asks of the transport | `crate::profile`, and those that are shipped in `profiles/` |
//! | the transport report | `report` |

mod accounts;
mod description;
mod exchange;
mod iterator;
mod management;
mod msgbox;
mod report;
mod send;
mod settings;

use crate::profile::{Profile, profiles};
use accounts::Accounts;
use axum::Router;
use axum::routing::post;
use exchange::Server;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::inbound::{Hub, Inbound, Names};
use rohrpost_kit::{AdapterSource, InboundAdapter};
use rohrpost_model::Fault;
use rohrpost_model::ports::SealForm;
use settings::Settings;
use std::sync::Arc;

/// The protocol of kind `xta`.
pub struct Xta;

impl InboundAdapter for Xta {
    fn kind(&self) -> &'static str {
        "xta"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Inbound>, Vec<Fault>> {
        let settings: Settings = source.read(self.kind())?;
        let mut faults = Faults::default();
        let profiles = faults.note(profiles(&settings.profiles, settings.profile.clone(), source));
        let checked = faults.note(settings.check(source));
        let accounts = faults.note(Accounts::read(&settings, source));
        let (profiles, (accounts, ())) = faults.finish(profiles.zip(accounts.zip(checked)))?;
        Ok(Arc::new(Configured(Arc::new(Desk { settings, accounts, profiles }))))
    }
}

/// What the server is configured with.
struct Desk {
    settings: Settings,
    accounts: Accounts,
    profiles: Vec<Profile>,
}

impl Desk {
    /// The transport profile of a service.
    fn profile(&self, service: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.is_of(service))
    }
}

struct Configured(Arc<Desk>);

impl Inbound for Configured {
    fn names(&self) -> Names<'_> {
        let settings = &self.0.settings;
        let clients = settings.account.iter().map(|account| &account.client).collect();
        let read_by = |mailbox: &settings::MailboxSettings| {
            let reader = mailbox.reader.get_ref();
            settings.account.iter().find(|account| account.identifiers.contains(reader))
        };
        let mailboxes = settings
            .mailbox
            .iter()
            .filter_map(|mailbox| Some((&mailbox.mailbox, read_by(mailbox)?.client.get_ref())))
            .collect();
        // A transport report carries its signature inside.
        Names { clients, mailboxes, seal: Some(SealForm::XmlDsig) }
    }

    fn routes(&self, hub: Hub) -> Router {
        let server = Arc::new(Server { desk: Arc::clone(&self.0), hub });
        let port = || post(exchange::serve).get(description::serve);
        Router::new()
            .route("/xta/management", port())
            .route("/xta/send", port())
            .route("/xta/msgbox", port())
            .with_state(server)
    }
}
