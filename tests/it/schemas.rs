//! The files in `schemas/` are what the types say. `UPDATE_SCHEMAS=1 cargo test` writes them; the file of
//! a new kind must be there before, if only empty: it is built into the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use git_fleet::api::schema;

#[test]
fn schemas_are_current() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    let mut expected = BTreeSet::new();
    for kind in schema::generate() {
        let path = folder.join(kind.file_name());
        if update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, kind.text()).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == kind.text(),
            "{} is not what the types say; run `UPDATE_SCHEMAS=1 cargo test --test it schemas`",
            path.display()
        );
        expected.insert(kind.file_name());
    }
    let present: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(present, expected, "one schema a kind, and nothing else, in `schemas/`");
    let in_program: Vec<_> = schema::all().iter().map(|file| (file.kind, file.text)).collect();
    let generated = schema::generate();
    let texts: Vec<String> = generated.iter().map(schema::KindSchema::text).collect();
    let kinds = generated.iter().zip(&texts).map(|(kind, text)| (kind.kind, text.as_str()));
    assert!(update || in_program == kinds.collect::<Vec<_>>(), "the program has other schemas");
}

#[test]
fn every_field_is_described() {
    for kind in schema::generate() {
        let mut missing = Vec::new();
        find_undescribed(&kind.schema, kind.kind, &mut missing);
        assert!(missing.is_empty(), "fields without a doc comment: {missing:#?}");
    }
}

fn find_undescribed(schema: &serde_json::Value, path: &str, missing: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(|fields| fields.as_object()) {
        for (name, field) in properties {
            if field.get("description").is_none() && field.get("const").is_none() {
                missing.push(format!("{path}.{name}"));
            }
        }
    }
    match schema {
        serde_json::Value::Object(map) => {
            for (key, part) in map {
                find_undescribed(part, &format!("{path}.{key}"), missing);
            }
        }
        serde_json::Value::Array(parts) => {
            for part in parts {
                find_undescribed(part, path, missing);
            }
        }
        _ => {}
    }
}
