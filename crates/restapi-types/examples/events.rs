//! Prints the schemas of events and their `AsyncAPI` document, as one JSON object by the name of the file: what
//! `cargo xtask generate` checks in under `docs/events`.
use std::collections::BTreeMap;
use std::error::Error;

use restapi_types::event::{asyncapi, schemas};

fn main() -> Result<(), Box<dyn Error>> {
    let all = schemas().into_iter();
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (kind, schema) in all {
        let text = serde_json::to_string_pretty(&schema)?;
        files.insert(format!("{}.json", kind.as_str()), text);
    }
    files.insert(
        "asyncapi.json".to_owned(),
        serde_json::to_string_pretty(&asyncapi())?,
    );
    println!("{}", serde_json::to_string(&files)?);
    Ok(())
}
