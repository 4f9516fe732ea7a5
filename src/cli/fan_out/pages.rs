//! Lists of a cluster, page by page.

use serde_json::Value;
use url::form_urlencoded;

use super::Member;
use crate::member::discovery::Resource;
use crate::member::wire::{RequestError, collection_path, json};

/// Objects of a page: what kubectl asks for, and little enough for any server.
const PAGE_LEN: &str = "500";

/// A list that is forgotten between two pages is begun anew so often.
const TRIES_MAX: usize = 3;

/// Which objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Selection {
    pub(in crate::cli) labels: Option<String>,
    pub(in crate::cli) fields: Option<String>,
}

/// All answers that together are the list; `accept` says in which form.
///
/// # Errors
/// A request failed, or the server forgot the list each time before it was read.
pub(in crate::cli) async fn pages(
    member: &Member,
    resource: &Resource,
    namespace: Option<&str>,
    selection: &Selection,
    accept: &str,
) -> Result<Vec<Value>, RequestError> {
    let collection = collection_path(resource, namespace);
    let mut n_tries = 0;
    loop {
        match once(member, &collection, selection, accept).await {
            Err(RequestError::Gone) if n_tries + 1 < TRIES_MAX => n_tries += 1,
            done => return done,
        }
    }
}

async fn once(
    member: &Member,
    collection: &str,
    selection: &Selection,
    accept: &str,
) -> Result<Vec<Value>, RequestError> {
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", PAGE_LEN);
        for (name, value) in
            [("labelSelector", &selection.labels), ("fieldSelector", &selection.fields)]
        {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if !token.is_empty() {
            query.append_pair("continue", &token);
        }
        let path = format!("{collection}?{}", query.finish());
        let page: Value = json(&member.api.get_raw(&path, accept).await?)?;
        page["metadata"]["continue"].as_str().unwrap_or_default().clone_into(&mut token);
        pages.push(page);
        if token.is_empty() {
            return Ok(pages);
        }
    }
}

/// The objects of the pages, each whole: items of a built-in kind name neither kind nor version.
pub(in crate::cli) fn objects(
    resource: &Resource,
    pages: Vec<Value>,
) -> impl Iterator<Item = Value> + use<> {
    let version = match &*resource.group {
        "" => resource.version.to_string(),
        group => format!("{group}/{}", resource.version),
    };
    let kind = resource.kind.to_string();
    pages.into_iter().flat_map(items).map(move |mut object| {
        if object["kind"].is_null() {
            object["kind"] = Value::from(&*kind);
        }
        if object["apiVersion"].is_null() {
            object["apiVersion"] = Value::from(&*version);
        }
        object
    })
}

/// The items of a list; of an object itself, the object.
fn items(mut page: Value) -> Vec<Value> {
    match page.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        Some(_) => Vec::new(),
        None => vec![page],
    }
}
