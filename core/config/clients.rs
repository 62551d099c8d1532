//! `clients/*.toml`: who may do what for whom.

use super::files::name_of;
use super::reader::{Entry, Faults, Placed, Source, Table};
use super::references::Known;
use rohrpost_kit::settings::Secrets;
use rohrpost_model::client::{Grant, Role};
use rohrpost_model::{Client, ClientName, Digest, ServiceKey, TenantName};
use secrecy::ExposeSecret;

/// A token shorter than this could be guessed; 32 hexadecimal digits are 128 bits.
const TOKEN_CHARACTERS_MIN: usize = 32;

const ROLES: [(&str, Role); 6] = [
    ("submit", Role::Submit),
    ("fetch", Role::Fetch),
    ("view", Role::View),
    ("operate", Role::Operate),
    ("configure", Role::Configure),
    ("audit", Role::Audit),
];

/// A client as written.
pub struct ClientDraft {
    /// Its name.
    pub name: Placed<ClientName>,
    tokens: Vec<Placed<Digest>>,
    grants: Vec<GrantDraft>,
}

struct GrantDraft {
    tenants: Vec<Placed<TenantName>>,
    roles: Vec<Placed<Role>>,
    services: Vec<Placed<ServiceKey>>,
}

impl ClientDraft {
    /// Reads one file. Tokens are hashed here and not kept.
    pub fn read(source: &Source, secrets: &dyn Secrets, faults: &Faults) -> Option<Self> {
        let tree = source.parse(faults);
        let table = Table::whole(source, &tree, faults);
        let name = name_of(source, &table);
        let tokens = read_tokens(&table, secrets);
        let grants = table.must("grant").tables().into_iter().map(GrantDraft::read).collect();
        table.end(&[]);
        Some(Self { name: name?, tokens, grants })
    }

    /// Checks what it names.
    pub fn check(&self, known: &Known, faults: &Faults) {
        for tenant in self.grants.iter().flat_map(|grant| &grant.tenants) {
            known.tenants.check(tenant, faults);
        }
    }

    /// Whether it may fetch for one of these tenants.
    pub fn fetches_for(&self, tenants: &[Placed<TenantName>]) -> bool {
        let fetches = |grant: &&GrantDraft| grant.roles.iter().any(|role| role.value == Role::Fetch);
        let listed = |tenant: &Placed<TenantName>| tenants.iter().any(|one| one.value == tenant.value);
        self.grants.iter().filter(fetches).any(|grant| grant.tenants.iter().any(listed))
    }

    /// For whom it may hand in which service, where that is said one by one.
    pub fn hands_in(&self) -> impl Iterator<Item = (&Placed<TenantName>, &Placed<ServiceKey>)> {
        let submits = |grant: &&GrantDraft| grant.roles.iter().any(|role| role.value == Role::Submit);
        self.grants.iter().filter(submits).flat_map(|grant| {
            grant
                .tenants
                .iter()
                .flat_map(|tenant| grant.services.iter().map(move |service| (tenant, service)))
        })
    }

    /// Whether it has one of these roles for any tenant.
    pub fn has_role(&self, roles: &[Role]) -> bool {
        self.grants.iter().flat_map(|grant| &grant.roles).any(|role| roles.contains(&role.value))
    }

    /// The noun.
    pub fn build(self) -> Client {
        let tokens = self.tokens.into_iter().map(|token| token.value).collect();
        Client {
            name: self.name.value,
            tokens,
            grants: self.grants.into_iter().map(GrantDraft::build).collect(),
        }
    }
}

impl GrantDraft {
    fn read(table: Table<'_>) -> Self {
        let tenants = table.must("tenants").some_texts("tenant");
        let listed = table.must("roles");
        if listed.is_there() && listed.items().is_empty() {
            let known: Vec<_> = ROLES.iter().map(|(word, _)| *word).collect();
            let fault = table.place_of("roles").fault("the list is empty");
            table.faults().note(fault.hint(format!("name at least one role: {}", known.join(", "))));
        }
        let roles = listed.items().into_iter().filter_map(|role| role.word(&ROLES)).collect();
        let services = table.may("services").texts();
        table.end(&[]);
        Self { tenants, roles, services }
    }

    fn build(self) -> Grant {
        Grant {
            tenants: self.tenants.into_iter().map(|tenant| tenant.value).collect(),
            roles: self.roles.into_iter().map(|role| role.value).collect(),
            services: self.services.into_iter().map(|service| service.value).collect(),
        }
    }
}

fn read_tokens(table: &Table<'_>, secrets: &dyn Secrets) -> Vec<Placed<Digest>> {
    let (hashed, named) = (table.may("token-sha256"), table.may("tokens"));
    if !hashed.is_there() && !named.is_there() {
        let fault = table.place().fault("the client has no token, so nobody can log in as it");
        table.faults().note(fault.hint("add tokens = [{ file = \"…\" }], or token-sha256 = [\"…\"]"));
    }
    let mut tokens: Vec<Placed<Digest>> = hashed.texts();
    tokens.extend(named.items().into_iter().filter_map(|token| read_token(token, secrets, table.faults())));
    tokens
}

fn read_token(entry: Entry<'_>, secrets: &dyn Secrets, faults: &Faults) -> Option<Placed<Digest>> {
    let Placed { value, at } = entry.secret()?;
    match value.resolve(secrets) {
        Ok(token) if token.expose_secret().chars().count() >= TOKEN_CHARACTERS_MIN => {
            return Some(Placed { value: Digest::of(token.expose_secret().as_bytes()), at });
        }
        Ok(_) => {
            let fault = at.fault(format!("the token has fewer than {TOKEN_CHARACTERS_MIN} characters"));
            faults.note(fault.hint("make one with `openssl rand -hex 32`"));
        }
        Err(message) => faults.note(at.fault(message)),
    }
    None
}

/// Two clients with one token: nobody could say who is calling.
pub fn check_tokens(clients: &[ClientDraft], faults: &Faults) {
    let all: Vec<_> = clients.iter().flat_map(|client| &client.tokens).collect();
    for (index, token) in all.iter().enumerate() {
        if let Some(earlier) = all[..index].iter().find(|earlier| earlier.value == token.value) {
            let fault = token.at.fault(format!("the same token as in {}", earlier.at));
            faults.note(fault.hint("each client needs a token of its own"));
        }
    }
}
