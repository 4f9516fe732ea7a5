//! Label and field selectors of list, watch and delete-collection requests.

use std::collections::{BTreeMap, BTreeSet};

use super::status_error::Refusal;

/// What one requirement asks of the value of its key.
#[derive(Clone, Debug, PartialEq)]
enum Operator {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
}

/// A parsed `labelSelector`: every requirement must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LabelSelector(Vec<(String, Operator)>);

impl LabelSelector {
    /// Parses Kubernetes' grammar: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1,m<2`.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let unparsable =
            || Refusal::bad_request(format!("unable to parse requirement: found {text:?}"));
        split_requirements(text)
            .into_iter()
            .map(|requirement| parse_requirement(requirement).ok_or_else(unparsable))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether `labels` satisfy every requirement.
    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|(key, operator)| {
            let value = labels.get(key);
            let number = || value.and_then(|v| v.parse::<i64>().ok());
            match operator {
                Operator::In(values) => value.is_some_and(|v| values.contains(v)),
                Operator::NotIn(values) => value.is_none_or(|v| !values.contains(v)),
                Operator::Exists => value.is_some(),
                Operator::Absent => value.is_none(),
                Operator::Greater(bound) => number().is_some_and(|n| n > *bound),
                Operator::Less(bound) => number().is_some_and(|n| n < *bound),
            }
        })
    }
}

/// Splits at the commas outside parentheses.
fn split_requirements(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .collect()
}

fn parse_requirement(text: &str) -> Option<(String, Operator)> {
    if let Some(key) = text.strip_prefix('!') {
        return Some((label_key(key)?, Operator::Absent));
    }
    if let Some(set) = text.strip_suffix(')') {
        let (head, values) = set.split_once('(')?;
        let (key, word) = head.trim().rsplit_once(char::is_whitespace)?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        return match word {
            "in" => Some((label_key(key)?, Operator::In(values))),
            "notin" => Some((label_key(key)?, Operator::NotIn(values))),
            _ => None,
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Some((label_key(key)?, Operator::NotIn([value.trim().to_owned()].into())));
    }
    if let Some((key, value)) = text.split_once('=') {
        let value = value.strip_prefix('=').unwrap_or(value).trim();
        return Some((label_key(key)?, Operator::In([value.to_owned()].into())));
    }
    if let Some((key, bound)) = text.split_once('>') {
        return Some((label_key(key)?, Operator::Greater(bound.trim().parse().ok()?)));
    }
    if let Some((key, bound)) = text.split_once('<') {
        return Some((label_key(key)?, Operator::Less(bound.trim().parse().ok()?)));
    }
    Some((label_key(text)?, Operator::Exists))
}

fn label_key(text: &str) -> Option<String> {
    let key = text.trim();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    (!key.is_empty() && key.chars().all(legal)).then(|| key.to_owned())
}

/// A parsed `fieldSelector`: field, wanted value, and whether it must be equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FieldSelector(Vec<(String, String, Equal)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Equal {
    Yes,
    No,
}

impl FieldSelector {
    /// Parses `a=b,c!=d`; `supported` says which fields of the kind can be asked.
    pub(super) fn parse(text: &str, supported: impl Fn(&str) -> bool) -> Result<Self, Refusal> {
        let mut terms = Vec::new();
        for term in text.split(',').filter(|term| !term.is_empty()) {
            let (field, value, equal) = if let Some((field, value)) = term.split_once("!=") {
                (field, value, Equal::No)
            } else if let Some((field, value)) = term.split_once('=') {
                (field, value.strip_prefix('=').unwrap_or(value), Equal::Yes)
            } else {
                let why = format!("invalid selector: '{term}'; can't understand '{term}'");
                return Err(Refusal::bad_request(why));
            };
            if !supported(field) {
                return Err(Refusal::bad_request(format!("field label not supported: {field}")));
            }
            terms.push((field.to_owned(), value.to_owned(), equal));
        }
        Ok(Self(terms))
    }

    /// Whether the fields, read by `get`, satisfy every term; an absent field is the empty text.
    pub(super) fn matches<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|(field, wanted, equal)| {
            (get(field).unwrap_or_default() == wanted) == (*equal == Equal::Yes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn every_operator_of_the_grammar_is_understood() {
        let app = labels(&[("app", "web"), ("tier", "front"), ("n", "5")]);
        let matching = [
            "",
            "app=web",
            "app==web",
            "app in (web, api)",
            "app notin (db)",
            "missing notin (a,b)",
            "missing!=x",
            "app",
            "!missing",
            "n>4",
            "n<6",
            "app=web,tier in (front,back),!x",
        ];
        let failing = [
            "app=db",
            "app!=web",
            "app in (db)",
            "missing",
            "!app",
            "n>5",
            "missing>1",
            "app=web,tier=back",
        ];
        for text in matching {
            assert!(LabelSelector::parse(text).unwrap().matches(&app), "{text}");
        }
        for text in failing {
            assert!(!LabelSelector::parse(text).unwrap().matches(&app), "{text}");
        }
    }

    #[test]
    fn nonsense_is_a_bad_request() {
        for text in ["a b", "a in b", "=x", "a in (b", "x>y"] {
            assert_eq!(LabelSelector::parse(text).unwrap_err().code, 400, "{text}");
        }
    }

    #[test]
    fn fields_compare_by_equality_only() {
        let selector =
            FieldSelector::parse("status.phase!=Running,metadata.name=a", |_| true).unwrap();
        let get = |field: &str| (field == "metadata.name").then_some("a");
        assert!(selector.matches(get));
        assert!(FieldSelector::parse("spec.secret=1", |_| false).is_err());
    }
}
