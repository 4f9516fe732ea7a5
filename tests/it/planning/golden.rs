//! One story a file; the snapshot is every plan of it with its reasons.

use std::collections::BTreeMap;

use git_fleet::plan::{Memo, Plan, Previous};

use super::case;

#[test]
fn plans_are_as_recorded() {
    insta::glob!("../../golden/plan", "*.fleet", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(case::tell(&text));
    });
}

fn texts(plan: &Plan) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    plan.files().into_iter().map(|(path, file)| (path, text(&file.bytes))).collect()
}

/// Planning again with the own results changes nothing, whether they come from memory or from the
/// results tree, with a memo or without.
#[test]
fn a_plan_is_its_own_successor() {
    insta::glob!("../../golden/plan", "*.fleet", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut last: Option<Plan> = None;
        for step in case::steps(&text) {
            let mut memo = Memo::default();
            let previous = last.as_ref().map(|last| step.after(last)).unwrap_or_default();
            let first = case::plan(&step, &previous, &mut memo);
            let files = texts(&first);
            let own = Previous::from(&first);
            let again = case::plan(&step, &own, &mut memo);
            let diff = again.diff(&own);
            assert!(diff.is_empty(), "{}: {diff:?}", path.display());
            for (key, planned) in &again.bindings {
                assert!(
                    std::sync::Arc::ptr_eq(planned, &first.bindings[key]),
                    "{key} planned again"
                );
            }
            assert_eq!(texts(&case::plan(&step, &own, &mut Memo::default())), files);
            let tree = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
            let read = Previous::read(tree).unwrap();
            assert_eq!(texts(&case::plan(&step, &read, &mut Memo::default())), files);
            last = Some(first);
        }
    });
}
