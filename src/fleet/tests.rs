//! What the loader promises, one sentence a test. Bad inputs are golden cases in `tests/golden/bad`.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::api::names::ObjectId;
use crate::api::problem::Severity;

fn parse(path: &str, text: &str) -> ParsedFile {
    parse_file(path, ObjectId::from_bytes([0; 20]), text.as_bytes())
}

fn manifest(document: &Document) -> Value {
    match &document.object {
        Object::Template(manifest) | Object::Definition(manifest, ..) | Object::Inert(manifest) => {
            Value::Object(manifest.open().0)
        }
        typed => panic!("no manifest: {typed:?}"),
    }
}

const CONFIG: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: shop
  namespace: web
data:
  # the answer
  size: '42'
";

#[test]
fn every_field_knows_its_line_and_column() {
    let file = parse("a.yaml", &format!("---\n# nothing\n---\n{CONFIG}"));
    assert_eq!(file.problems, []);
    let [document] = file.documents.as_slice() else { panic!("one document: {file:?}") };
    assert_eq!(document.place.to_string(), "a.yaml:4:1");
    let positions = document.positions.open();
    assert_eq!(positions.key("/data/size"), Position { line: 11, column: 3 });
    assert_eq!(positions.value("/data/size"), Position { line: 11, column: 9 });
    assert_eq!(positions.value("/data"), Position { line: 11, column: 3 });
    assert_eq!(
        positions.key("/data/none"),
        Position { line: 9, column: 1 },
        "the nearest one above"
    );
}

#[test]
fn lists_are_opened_and_items_keep_their_places() {
    let text = "\
apiVersion: v1
kind: ConfigMapList
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: a, namespace: web}
- metadata: {name: b, namespace: web}
";
    let file = parse("a.yaml", text);
    assert_eq!(file.problems, []);
    let places: Vec<String> =
        file.documents.iter().map(|one| format!("{} {}", one.key, one.place)).collect();
    assert_eq!(places, ["ConfigMap web/a a.yaml:4:3", "ConfigMap web/b a.yaml:7:3"]);
    assert_eq!(
        file.documents[1].positions.open().value("/metadata/name"),
        Position { line: 7, column: 20 }
    );
}

#[test]
fn json_and_yaml_give_the_same_object_and_id() {
    let yaml = parse("a.yaml", CONFIG);
    let text = serde_json::to_string_pretty(&manifest(&yaml.documents[0])).unwrap();
    let json = parse("a.json", &text);
    assert_eq!(json.problems, []);
    assert_eq!(json.documents[0].id, yaml.documents[0].id);
    assert_eq!(
        json.documents[0].positions.open().value("/data/size"),
        Position { line: 4, column: 13 }
    );
}

#[test]
fn content_decides_the_id_and_layout_does_not() {
    let id = |text: &str| parse("a.yaml", text).documents[0].id;
    assert_eq!(id(CONFIG), id(&CONFIG.replace("  # the answer\n", "")));
    assert_eq!(id(CONFIG), id(&format!("{CONFIG}status: {{}}\n")));
    assert_ne!(id(CONFIG), id(&CONFIG.replace("42", "43")));
}

#[test]
fn numbers_are_kept_exactly() {
    let text = CONFIG.replace(
        "\ndata:",
        "\nspec: {big: 9007199254740993, mode: 0644, least: -9223372036854775808}\ndata:",
    );
    let file = parse("a.yaml", &text);
    let spec = &manifest(&file.documents[0])["spec"];
    assert_eq!(*spec, json!({"big": 9_007_199_254_740_993_u64, "mode": 0o644, "least": i64::MIN}));
    assert!(file.problems.iter().all(|problem| problem.severity == Severity::Warning));
}

#[test]
fn few_aliases_are_read() {
    let text = CONFIG.replace("'42'", "&answer '42'\n  other: *answer");
    let file = parse("a.yaml", &text);
    assert_eq!(file.problems, []);
    assert_eq!(manifest(&file.documents[0])["data"], json!({"size": "42", "other": "42"}));
}

#[test]
fn attacks_end_within_their_limits() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let below = format!("*a{}", level - 1);
        let line = format!("a{level}: &a{level} [{}]\n", vec![below; 9].join(", "));
        bomb.push_str(&line);
    }
    let mut blocks = String::new();
    for level in 0..1_000 {
        blocks.push_str(&" ".repeat(level));
        blocks.push_str("a:\n");
    }
    let cases = [
        ("bomb.yaml", bomb, "YAML_ALIASES"),
        ("deep.yaml", "[".repeat(10_000), "YAML_DEPTH"),
        ("deep.json", "[".repeat(10_000) + &"]".repeat(10_000), "YAML_DEPTH"),
        ("block.yaml", blocks, "YAML_DEPTH"),
        ("dashes.yaml", "- ".repeat(10_000), "YAML_DEPTH"),
        ("many.yaml", "---\n".repeat(100_000), "LIMIT_DOCUMENTS"),
        (
            "lists.json",
            "{\"kind\":\"List\",\"items\":[".repeat(30) + &"]}".repeat(30),
            "LIST_DEPTH",
        ),
    ];
    for (path, text, code) in cases {
        let codes: Vec<&str> =
            parse(path, &text).problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [code], "{path}");
    }
}

#[test]
fn a_bad_document_does_not_hide_the_good_ones_before_it() {
    let file = parse("a.yaml", &format!("{CONFIG}---\nkind: [\n"));
    assert_eq!(file.documents.len(), 1);
    assert_eq!(file.problems.len(), 1);
}

#[test]
fn manifests_are_found_by_their_endings() {
    for path in ["apps/shop.yaml", "shop.yml", "a.b/shop.json"] {
        assert!(is_manifest_path(path), "{path}");
    }
    for path in ["README.md", "yaml", "a.yaml/b", "a.yaml.bak"] {
        assert!(!is_manifest_path(path), "{path}");
    }
}

/// Any JSON value of a few levels.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |float| float.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[-+.0-9a-zA-Z_:~ #'\"{}\\[\\]|>&*!%@\n\t]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z0-9~/ .-]{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for path in ["a.yaml", "a.json"] {
            let _ = parse_file(path, ObjectId::from_bytes([0; 20]), &bytes);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-a-z:{}\\[\\]\"'\n &*!|>#?,0-9\\\\]{0,200}") {
        for path in ["a.yaml", "a.json"] {
            let _ = parse(path, &text);
        }
    }

    #[test]
    fn any_object_comes_back_from_json_and_from_yaml(value in any_value()) {
        let object = json!({
            "apiVersion": "example.io/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": value,
        });
        let json = parse("a.json", &object.to_string());
        prop_assert_eq!(manifest(&json.documents[0]), object.clone());
        let yaml = serde_saphyr::to_string(&object).unwrap();
        let yaml = parse("a.yaml", &yaml);
        prop_assert!(!yaml.documents.is_empty(), "{:?}", yaml.problems);
        prop_assert_eq!(manifest(&yaml.documents[0]), object);
    }
}
