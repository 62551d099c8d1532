use super::{source, target};
use crate::{AmqpExchange, AmqpQueue};
use rohrpost_kit::{Adapter, SourceAdapter};
use rohrpost_model::Fault;

fn told(faults: Result<impl Sized, Vec<Fault>>) -> Vec<String> {
    faults.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn assert_all(found: &[String], expected: &[&str]) {
    for text in expected {
        assert!(found.iter().any(|fault| fault.contains(text)), "{text} is not in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn every_fault_of_a_destination_is_told_with_its_place() {
    let text = format!(
        "[amqp]\nurl = \"amqp://broker.example.org\"\nuser = \"hub\"\nexchange = \"{}\"\n\
         routing-key = \"{{servce}}\"\nheaders = {{ x = \"{{nix}}\" }}\nvhost = \"{}\"\n",
        "x".repeat(256),
        "y".repeat(256)
    );
    assert_all(
        &told(target(&text)),
        &[
            "2:7: without TLS only this machine is talked to",
            "3:8: `password` is missing",
            "4:12: a name at a broker has at most 255 bytes",
            "5:15: unknown placeholder {servce}; did you mean {service}?",
            "6:17: unknown placeholder {nix}",
            "7:9: a name at a broker has at most 255 bytes",
        ],
    );
    let path = "[amqp]\nurl = \"amqps://u:p@a/x\"\nuser = \"u\"\npassword = { file = \"password\" }\n\
                exchange = \"a\"\nrouting-key = \"b\"\n";
    assert_all(&told(target(path)), &["2:7: credentials do not stand in the address"]);
}

#[test]
fn a_source_says_what_its_messages_are_or_where_they_say_it() {
    let with = |further: &str| {
        let text = format!(
            "[amqp]\nurl = \"amqps://a\"\nuser = \"u\"\npassword = {{ file = \"password\" }}\nqueue = \"q\"\n{further}"
        );
        told(source(&text))
    };
    let nothing = ["5:9: nothing says the service of a message", "5:9: nothing says the area of a message"];
    assert_all(&with(""), &nothing);
    assert_all(&with("[amqp.headers]\nservice = \"s\"\narea = \"a\"\n"), &[]);
    assert_all(&with("service = \"4711\"\narea = \"15091\"\nprefetch = 0\n"), &["6:11: ", "8:12: "]);
}

#[test]
fn the_examples_have_every_key_that_the_schemas_know() {
    for (example, schema) in
        [(AmqpExchange.example(), AmqpExchange.schema()), (AmqpQueue.example(), AmqpQueue.schema())]
    {
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        for key in schema["properties"].as_object().unwrap().keys() {
            assert!(example.contains(key), "{key} is not in the example");
        }
    }
}
