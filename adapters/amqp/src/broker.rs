//! A broker: one connection that is kept, and a channel on it for each delivery or round.

use crate::runtime::{Kit, Line};
use crate::verdict;
use async_rs::Runtime;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism};
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties, Error};
use rohrpost_kit::socket::Dialer;
use rohrpost_model::{Failure, Reason, ReasonCode};
use secrecy::{ExposeSecret, SecretString};
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Who the hub is at the broker.
pub(crate) enum Login {
    /// User and password.
    Password(String, SecretString),
    /// The client's certificate says it (SASL EXTERNAL).
    Certificate,
    /// It is not configured yet.
    Nobody,
}

/// One virtual host of one broker.
pub(crate) struct Broker {
    pub(crate) dialer: Dialer,
    pub(crate) vhost: String,
    pub(crate) login: Login,
    /// The connection that is kept. One that has broken is replaced by whoever needs the next.
    pub(crate) kept: Mutex<Option<Arc<Connection>>>,
}

/// A channel of one's own.
pub(crate) struct Open {
    pub(crate) channel: Channel,
    /// It lives as long as the channel is used.
    pub(crate) connection: Arc<Connection>,
}

impl Broker {
    /// Opens a channel. Any failure means that nothing was sent.
    pub(crate) async fn open(&self) -> Result<Open, Failure> {
        if let Some(connection) = self.kept()
            && let Ok(channel) = self.in_time(connection.create_channel()).await
        {
            return Ok(Open { channel, connection });
        }
        let connection = Arc::new(self.log_in().await?);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&connection));
        let channel = self.in_time(connection.create_channel()).await?;
        Ok(Open { channel, connection })
    }

    fn kept(&self) -> Option<Arc<Connection>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone().filter(|connection| connection.status().connected())
    }

    /// A connection of one's own, logged in.
    pub(crate) async fn log_in(&self) -> Result<Connection, Failure> {
        if matches!(self.login, Login::Nobody) {
            let reason = Reason::new(ReasonCode::AdapterConfiguration);
            return Err(Failure::Defect(reason.with("field", "user")));
        }
        let stream = self.dialer.dial().await?;
        // Dropped before the end, also by whoever waits no longer, it cuts the connection.
        let cut = CancellationToken::new();
        let guard = cut.clone().drop_guard();
        let line = Mutex::new(Some(Line::new(stream, cut)));
        // The library would come again for another after a failure: there is none.
        let connect = async move |_, _| {
            let line = line.lock().unwrap_or_else(PoisonError::into_inner).take();
            line.map(AsyncTcpStream::Plain)
                .ok_or_else(|| Error::from(io::Error::from(io::ErrorKind::NotConnected)))
        };
        let properties = ConnectionProperties::default().with_connection_name("rohrpost".into());
        let runtime = Runtime::new(Kit::current());
        let connection = Connection::connector(self.uri(), runtime, connect, properties);
        let connection = self.in_time(connection).await?;
        guard.disarm();
        Ok(connection)
    }

    async fn in_time<T>(&self, step: impl Future<Output = lapin::Result<T>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.dialer.patience(), step).await {
            Ok(done) => done.map_err(|error| verdict::of_opening(&error)),
            Err(_) => Err(Failure::unavailable(Reason::new(ReasonCode::ConnectTimeout))),
        }
    }

    /// What the library takes log-in and virtual host from; it connects nowhere by it.
    fn uri(&self) -> AMQPUri {
        let (mechanism, username, password) = match &self.login {
            Login::Password(user, password) => {
                (SASLMechanism::Plain, user.clone(), password.expose_secret().to_owned())
            }
            Login::Certificate | Login::Nobody => (SASLMechanism::External, String::new(), String::new()),
        };
        AMQPUri {
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo { username, password },
                host: String::new(),
                port: 0,
            },
            vhost: self.vhost.clone(),
            query: AMQPQueryString { auth_mechanism: Some(mechanism), ..AMQPQueryString::default() },
        }
    }
}
