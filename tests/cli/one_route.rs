//! One route for many tenants, as `rohrpost check` sees it: what is different for some of them, who still tests, and what
//! is left open.

use super::{Workshop, expect};
use serde_json::{Value, json};

const ROUTE: &str = "config/routes/brunnenbohrung.toml";

/// The shipped configuration with a town whose destinations are for tests, in the stage `stage`.
fn town(stage: &str) -> Workshop {
    let shop = Workshop::new();
    shop.write(
        "config/tenants/stadt.toml",
        format!(
            "name = \"stadt\"\ntitle = \"Stadt\"\nareas = [\"150910010000\"]\nstage = \"{stage}\"\n\
             [values]\ntyp = \"4711\"\n"
        ),
    );
    shop.edit(ROUTE, "[\"lk-beispiel\"]", "[\"lk-beispiel\", \"stadt\"]");
    for system in ["wasserbehoerde", "enaio"] {
        let of_county = shop.read(&format!("config/destinations/lk-beispiel-{system}.toml"));
        let text =
            of_county.replace("lk-beispiel", "stadt").replace("adapter =", "stage = \"test\"\nadapter =");
        shop.write(&format!("config/destinations/stadt-{system}.toml"), text);
    }
    shop
}

fn add(shop: &Workshop, text: &str) {
    let route = shop.read(ROUTE);
    shop.write(ROUTE, format!("{route}\n{text}"));
}

#[track_caller]
fn summary(shop: &Workshop) -> Value {
    let ran = shop.run(&["check", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.errors);
    ran.json()
}

/// What is resolved for the town: stage, destination, destination for tests.
fn of_town(summary: &Value) -> Vec<Value> {
    let lines = summary["deliveries"].as_array().expect("deliveries").iter();
    let lines = lines.filter(|line| line["tenant"] == "stadt");
    lines
        .map(|line| json!([line["step"], line["stage"], line["destination"], line["test_destination"]]))
        .collect()
}

#[test]
fn a_tenant_in_the_stage_test_reaches_destinations_for_tests_and_a_live_one_the_others() {
    let shop = town("test");
    assert_eq!(
        of_town(&summary(&shop)),
        [
            json!(["fachverfahren", "test", null, "stadt-wasserbehoerde"]),
            json!(["dms", "test", null, "stadt-enaio"])
        ]
    );
    let row = shop.run(&["check"]).text;
    let row = row.lines().find(|line| line.contains("stadt-enaio")).expect("a row").to_owned();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells[1..6], ["stadt", "test", "dms", "-", "stadt-enaio"]);

    shop.edit("config/destinations/stadt-enaio.toml", "stage = \"test\"\n", "");
    expect(
        &shop,
        &[
            "routes/brunnenbohrung.toml:20:15: the tenant `stadt` is in the stage test here, and the destination \
           `stadt-enaio` is not marked test; name a `test-destination`, or write stage = \"test\" in \
           destinations/stadt-enaio.toml",
        ],
    );
    expect(
        &town("live"),
        &[
            "routes/brunnenbohrung.toml:12:15: the tenant `stadt` is live here, and the destination \
             `stadt-wasserbehoerde` takes test submissions only",
            "routes/brunnenbohrung.toml:20:15: the tenant `stadt` is live here",
        ],
    );
}

#[test]
fn a_route_may_test_for_a_tenant_that_is_live_and_never_the_other_way_round() {
    let shop = town("live");
    add(&shop, "[[override]]\ntenants = [\"stadt\"]\nstage = \"test\"\n");
    assert_eq!(of_town(&summary(&shop))[0][1], "test");
    let shop = town("test");
    add(&shop, "[[override]]\ntenants = [\"stadt\"]\nstage = \"live\"\n");
    assert_eq!(of_town(&summary(&shop))[0][1], "test");
    shop.edit(ROUTE, "name = \"brunnenbohrung\"\n", "name = \"brunnenbohrung\"\nstage = \"test\"\n");
    expect(
        &shop,
        &[
            "routes/brunnenbohrung.toml:13:15: the tenant `lk-beispiel` is in the stage test here",
            "routes/brunnenbohrung.toml:21:15: the tenant `lk-beispiel` is in the stage test here",
        ],
    );
}

#[test]
fn tests_of_a_live_tenant_go_where_the_step_says() {
    let shop = town("test");
    shop.edit(ROUTE, "name = \"dms\"\n", "name = \"dms\"\ntest-destination = \"lk-beispiel-enaio\"\n");
    let wrong = "routes/brunnenbohrung.toml:19:20: test submissions of the tenant `lk-beispiel` go here, and the \
                 destination `lk-beispiel-enaio` is not marked test";
    let served = "routes/brunnenbohrung.toml:19:20: the destination `lk-beispiel-enaio` does not serve the tenant `stadt`";
    let stage = "routes/brunnenbohrung.toml:19:20: the tenant `stadt` is in the stage test here";
    expect(&shop, &[wrong, served, stage]);
    shop.edit(ROUTE, "test-destination = \"lk-beispiel-enaio\"", "test-destination = \"stadt-enaio\"");
    shop.edit("config/destinations/stadt-enaio.toml", "[\"stadt\"]", "[\"stadt\", \"lk-beispiel\"]");
    let told = summary(&shop);
    assert_eq!(told["deliveries"][1]["destination"], "lk-beispiel-enaio");
    assert_eq!(told["deliveries"][1]["test_destination"], "stadt-enaio");
}

#[test]
fn a_step_is_different_for_a_tenant_or_left_out() {
    let shop = town("test");
    add(
        &shop,
        "[[override]]\ntenants = [\"stadt\"]\nstep = \"dms\"\ndestination = \"stadt-wasserbehoerde\"\nparams = { objekttyp = \"{value.typ}\" }\n",
    );
    let told = summary(&shop);
    assert_eq!(of_town(&told)[1], json!(["dms", "test", null, "stadt-wasserbehoerde"]));
    assert_eq!(told["deliveries"][3]["params"], json!({ "objekttyp": "4711" }));
    assert_eq!(told["deliveries"][1]["params"], json!({}), "the county's is as it was");

    let shop = town("test");
    add(&shop, "[[override]]\ntenants = [\"stadt\"]\nstep = \"fachverfahren\"\nleave-out = true\n");
    assert_eq!(of_town(&summary(&shop)), [json!(["dms", "test", null, "stadt-enaio"])]);
    let told = summary(&shop);
    let lines = told["deliveries"].as_array().expect("deliveries").iter();
    let of_the_route = lines.filter(|line| line["route"] == "brunnenbohrung").count();
    assert_eq!(of_the_route, 3, "the county has both");
}

#[test]
fn faults_of_overrides() {
    let shop = town("test");
    add(
        &shop,
        "[[override]]\ntenants = [\"dorf\"]\nstep = \"dsm\"\nmapping = \"brunnenbohrung-xfal\"\n\
         [[override]]\ntenants = [\"stadt\"]\nstep = \"dms\"\n\
         [[override]]\ntenants = [\"stadt\"]\nstep = \"dms\"\nleave-out = true\nseal = \"siegel\"\n\
         [[override]]\ntenants = [\"stadt\"]\nstage = \"tset\"\n\
         [[override]]\ntenants = [\"stadt\"]\n\
         [[override]]\ntenants = [\"stadt\"]\nstage = \"test\"\nmapping = \"brunnenbohrung-xfall\"\n",
    );
    expect(
        &shop,
        &[
            "routes/brunnenbohrung.toml:24:12: the route does not serve the tenant `dorf`",
            "routes/brunnenbohrung.toml:25:8: unknown step `dsm`; did you mean `dms`?",
            "routes/brunnenbohrung.toml:27:1: the override changes nothing of the step `dms`",
            "routes/brunnenbohrung.toml:30:1: what is left out cannot be different, too",
            "routes/brunnenbohrung.toml:31:12: for the tenant `stadt` routes/brunnenbohrung.toml:28:12 says the same already",
            "routes/brunnenbohrung.toml:37:9: unknown word `tset`; did you mean `test`?",
            "routes/brunnenbohrung.toml:38:1: the override changes nothing; name a `step`",
            "routes/brunnenbohrung.toml:40:1: the stage is the whole route's",
        ],
    );
}

#[test]
fn faults_of_values_and_parameters() {
    let shop = town("test");
    shop.edit(
        ROUTE,
        "mapping = \"brunnenbohrung-enaio\"\n",
        "mapping = \"brunnenbohrung-enaio\"\nparams = { objekttyp = \"{value.typ}\", objektyp = \"1\" }\n",
    );
    expect(
        &shop,
        &[
            "routes/brunnenbohrung.toml:22:24: the tenant `lk-beispiel` has no value `typ`; add `typ = \"…\"` under \
             [values] in tenants/lk-beispiel.toml",
            "routes/brunnenbohrung.toml:22:50: the mapping `brunnenbohrung-enaio` has no parameter `objektyp`; it has: objekttyp",
        ],
    );
}

#[test]
fn no_step_may_ask_for_the_result_of_one_that_is_left_out_and_something_is_left() {
    let shop = town("test");
    shop.edit(ROUTE, "name = \"dms\"\n", "name = \"dms\"\nwhen = \"paid\"\n");
    add(&shop, "[[override]]\ntenants = [\"stadt\"]\nstep = \"fachverfahren\"\nleave-out = true\n");
    expect(
        &shop,
        &[
            "routes/brunnenbohrung.toml:19:8: for the tenant `stadt` a step is left out whose result this condition asks for",
        ],
    );
    add(&shop, "[[override]]\ntenants = [\"stadt\"]\nstep = \"dms\"\nleave-out = true\n");
    expect(&shop, &["routes/brunnenbohrung.toml:3:27: every step is left out for the tenant `stadt`"]);
}

#[test]
fn holes_are_warnings() {
    let shop = town("test");
    assert_eq!(summary(&shop)["warnings"], json!([]));
    assert_eq!(summary(&shop)["tenants"][1]["within"], json!(["15091* (lk-beispiel)"]));
    shop.write("config/tenants/dorf.toml", "name = \"dorf\"\ntitle = \"Dorf\"\nareas = [\"16*\"]\n");
    shop.write(
        "config/tenants/insel.toml",
        "name = \"insel\"\ntitle = \"Insel\"\nareas = [\"17*\", \"18*\"]\n",
    );
    shop.edit("config/clients/portal.toml", "services = [", "services = [\"99000000000009\", ");
    let unused = shop.read("config/destinations/stadt-enaio.toml").replace("stadt-enaio", "unbenutzt");
    shop.write("config/destinations/unbenutzt.toml", unused);
    shop.write(
        "config/routes/insel.toml",
        "name = \"insel\"\ntenants = [\"insel\", \"stadt\"]\n[match]\narea = \"17*\"\n\
         [[step]]\nname = \"eins\"\ndestination = \"insel\"\n\
         [[override]]\ntenants = [\"stadt\"]\nstep = \"eins\"\ndestination = \"stadt-enaio\"\n",
    );
    let folder = "name = \"insel\"\ntenants = [\"insel\"]\nadapter = \"folder\"\n[folder]\npath = \"../x\"\n";
    shop.write("config/destinations/insel.toml", folder);
    // What the town has of the county's area, this one takes more specifically.
    shop.write(
        "config/routes/genauer.toml",
        "name = \"genauer\"\ntenants = [\"stadt\"]\n[match]\nkind = \"application\"\nservice = \"99128001000000\"\n\
         area = \"150910010000\"\n[[step]]\nname = \"eins\"\ndestination = \"stadt-enaio\"\n",
    );
    let ran = shop.run(&["check"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    let warnings: Vec<_> = ran.text.lines().filter_map(|line| line.strip_prefix("warning: ")).collect();
    let expected = [
        "clients/portal.toml:8:13: the client `portal` may hand in the service 99000000000009 for the tenant `lk-beispiel`, \
         and no route takes it",
        "destinations/unbenutzt.toml:2:8: no step leads to the destination `unbenutzt`",
        "routes/brunnenbohrung.toml:3:27: the route never takes anything of the tenant `stadt`: `genauer` \
         (routes/genauer.toml:1:8) takes the same more specifically",
        "routes/insel.toml:2:21: the route takes nothing of the tenant `stadt`: it wants the area `17*`; the tenant's areas: \
         150910010000",
        "tenants/dorf.toml:1:8: no route serves the tenant `dorf`",
        "tenants/insel.toml:3:17: no route of the tenant `insel` takes anything in its area `18*`",
    ];
    assert_eq!(warnings.len(), expected.len(), "{warnings:#?}");
    for (found, expected) in warnings.iter().zip(expected) {
        assert!(found.starts_with(expected), "\nfound    {found}\nexpected {expected}");
    }
}

#[test]
fn long_tables_are_printed_where_they_are_asked_for() {
    let shop = Workshop::new();
    let names: Vec<_> = (10..60).map(|number| format!("gemeinde-{number}")).collect();
    let listed = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    for name in &names {
        let area = name.replace("gemeinde-", "160");
        let text = format!("name = \"{name}\"\ntitle = \"{name}\"\nareas = [\"{area}*\"]\n");
        shop.write(&format!("config/tenants/{name}.toml"), text);
    }
    for (file, one) in [
        (ROUTE, "tenants = [\"lk-beispiel\""),
        ("config/destinations/lk-beispiel-enaio.toml", "tenants = [\"lk-beispiel\""),
        ("config/destinations/lk-beispiel-wasserbehoerde.toml", "tenants = [\"lk-beispiel\""),
    ] {
        shop.edit(file, one, &format!("{one}, {listed}"));
    }
    shop.edit(ROUTE, "area = \"15091*\"\n", "");
    shop.edit(ROUTE, "{tenant}-enaio", "lk-beispiel-enaio");
    shop.edit(ROUTE, "{tenant}-wasserbehoerde", "lk-beispiel-wasserbehoerde");
    let short = shop.run(&["check"]);
    // Fourteen of them are those of the county's other services.
    assert!(short.text.contains("116 steps of tenants: `check --table` prints them"), "{short:?}");
    assert!(short.text.lines().count() < 30, "{short:?}");
    let long = shop.run(&["check", "--table"]);
    assert!(names.iter().all(|name| long.text.matches(name.as_str()).count() >= 3), "{long:?}");
}
