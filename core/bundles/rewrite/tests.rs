use super::*;

const ROUTE: &str = "# Kopf\nname = \"alt\"   # der Name\ntenants = [\n  \"a\", # einer\n  \"b\",\n]\n\n[match]\nkind = \"application\"\n\n\
    [[step]]\nname = \"eins\"\ndestination = \"{tenant}-amt\"   # Ziel\nmapping = \"m\"\nparams = { x = \"{value.x}\" }\n\n\
    # nur a\n[[override]]\ntenants = [\"a\"]\nstep = \"eins\"\n[override.params]\nx = \"1\"\n\n\
    # beide\n[[override]]\ntenants = [\"a\", \"b\"]\nstep = \"eins\"\nmapping = \"m2\"\n";

fn rewrite(names: &[(Kind, &str, &str)], tenants: &[&str]) -> Rewrite {
    let names = names.iter().map(|(kind, old, new)| ((*kind, (*old).to_owned()), (*new).to_owned()));
    Rewrite { names: names.collect(), tenants: tenants.iter().map(|name| name.parse().unwrap()).collect() }
}

#[test]
fn names_change_and_everything_else_stays() {
    let all = [
        (Kind::Route, "alt", "neu"),
        (Kind::Mapping, "m", "n"),
        (Kind::Mapping, "m2", "n2"),
        (Kind::Destination, "{tenant}-amt", "{tenant}-ziel"),
    ];
    let made = rewrite(&all, &[]).text("x", ROUTE).unwrap();
    let expected = ROUTE
        .replace("\"alt\"", "\"neu\"")
        .replace("\"m\"", "\"n\"")
        .replace("\"m2\"", "\"n2\"")
        .replace("{tenant}-amt", "{tenant}-ziel");
    assert_eq!(made, expected);
    assert_eq!(rewrite(&[(Kind::Seal, "m", "n")], &[]).text("x", ROUTE).unwrap(), ROUTE);
}

#[test]
fn other_tenants_take_the_overrides_of_the_old_ones_away() {
    let made = rewrite(&[], &["b", "c"]).text("x", ROUTE).unwrap();
    assert!(made.contains("tenants = [\"b\", \"c\"]\n\n[match]"), "{made}");
    assert!(!made.contains("nur a") && !made.contains("[override.params]"), "{made}");
    assert!(made.contains("# beide\n[[override]]\ntenants = [\"b\"]\nstep"), "{made}");
    let made = rewrite(&[], &["c"]).text("x", ROUTE).unwrap();
    assert!(!made.contains("override") && made.contains("# Kopf\nname = \"alt\"   # der Name\n"), "{made}");
}

#[test]
fn what_cannot_be_rewritten_is_refused_and_not_garbled() {
    let inline = "name = \"alt\"\ntenants = \"a\"\noverride = [{ tenants = [\"a\"], stage = \"test\" }, { tenants = [\"c\"], stage = \"test\" }]\n";
    assert!(rewrite(&[], &["c"]).text("x", inline).is_err());
    let hidden = ROUTE.replace("x = \"1\"\n", "x = '''\n[[step]]\n'''\n");
    let made = rewrite(&[], &["c"]).text("x", &hidden);
    assert!(made.is_err() || !made.unwrap().contains("'''"));
}
