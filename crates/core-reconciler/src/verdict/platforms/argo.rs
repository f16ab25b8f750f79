//! Argo CD's health of a RestAPI, by the script that we ship, run by a real interpreter.

use mlua::{Lua, LuaSerdeExt as _, Value};
use restapi_types::RestAPI;

/// The script, as Argo CD runs it: with the object as the global `obj`.
pub(super) struct Health(Lua);

impl Health {
    /// The script of `deploy/argocd`.
    pub(super) fn shipped() -> Self {
        Self(Lua::new())
    }

    /// What it calls `restapi`.
    pub(super) fn of(&self, restapi: &RestAPI) -> String {
        const SCRIPT: &str = include_str!("../../../../../deploy/argocd/health.lua");
        let object = serde_json::to_value(restapi).unwrap();
        // What is null in JSON is absent from the object that Argo CD passes.
        let options = mlua::serde::SerializeOptions::new()
            .serialize_none_to_null(false)
            .serialize_unit_to_null(false);
        let object: Value = self.0.to_value_with(&object, options).unwrap();
        self.0.globals().set("obj", object).unwrap();
        let health: mlua::Table = self.0.load(SCRIPT).eval().unwrap();
        let message: String = health.get("message").unwrap();
        assert!(!message.is_empty());
        health.get("status").unwrap()
    }
}
