//! Walks a JSON file: whatever is missing, unknown or of another type is a fault at its own path.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::read::Reader;

impl Reader {
    pub(super) fn json(&mut self, text: &str) {
        let file = match serde_json::from_str(text) {
            Ok(Unambiguous(file)) => file,
            Err(e) => return self.faults.push(format!("line {}: {e}", e.line())),
        };
        let Some(file) = self.object("", &file, &["organizations"]) else {
            return;
        };
        if !file.contains_key("organizations") {
            self.fault("organizations", "is missing");
        }
        for (path, organization) in self.list("", file, "organizations") {
            self.json_organization(&path, organization);
        }
    }

    fn json_organization(&mut self, path: &str, value: &Value) {
        let known = [
            "id",
            "name",
            "member_type",
            "max_sub_groups",
            "groups",
            "members",
        ];
        let Some(fields) = self.object(path, value, &known) else {
            return;
        };
        let id = self.text(path, fields, "id");
        let name = self.text(path, fields, "name");
        let member_type = self.text(path, fields, "member_type");
        let most = self.number(path, fields, "max_sub_groups");
        let organization = id.clone().unwrap_or_default();
        if let (Some(id), Some(name), Some(member_type), Some(most)) = (id, name, member_type, most)
        {
            self.organization(path, id, name, Some(member_type), most);
        }
        for (path, group) in self.list(path, fields, "groups") {
            self.json_group(&path, &organization, group);
        }
        for (path, member) in self.list(path, fields, "members") {
            self.json_member(&path, &organization, member);
        }
    }

    fn json_group(&mut self, path: &str, organization: &str, value: &Value) {
        let Some(fields) = self.object(path, value, &["id", "name", "class"]) else {
            return;
        };
        let id = self.text(path, fields, "id");
        let name = self.text(path, fields, "name");
        let class = self.text(path, fields, "class");
        if let (Some(id), Some(name), Some(class)) = (id, name, class) {
            self.group(path, organization, id, name, &class);
        }
    }

    fn json_member(&mut self, path: &str, organization: &str, value: &Value) {
        let known = ["email", "name", "role", "language", "groups"];
        let Some(fields) = self.object(path, value, &known) else {
            return;
        };
        let email = self.text(path, fields, "email");
        let name = self.text(path, fields, "name");
        let role = self.text(path, fields, "role");
        let language = match fields.get("language") {
            None | Some(Value::Null) => Some(String::new()),
            Some(_) => self.text(path, fields, "language"),
        };
        let listed = self.list(path, fields, "groups");
        let groups: Vec<Option<String>> = listed
            .into_iter()
            .map(|(path, group)| self.text_of(&path, group))
            .collect();
        let groups: Option<Vec<String>> = groups.into_iter().collect();
        if let (Some(email), Some(name), Some(role), Some(language), Some(groups)) =
            (email, name, role, language, groups)
        {
            self.member(path, organization, &email, name, &role, &language, groups);
        }
    }

    fn object<'v>(
        &mut self,
        path: &str,
        value: &'v Value,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let Value::Object(fields) = value else {
            self.fault(path, "must be an object");
            return None;
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let told = format!("is not known: the fields are {}", known.join(", "));
            self.fault(&below(path, name), &told);
        }
        Some(fields)
    }

    fn text(&mut self, path: &str, fields: &Map<String, Value>, name: &str) -> Option<String> {
        match fields.get(name) {
            Some(value) => self.text_of(&below(path, name), value),
            None => {
                self.fault(&below(path, name), "is missing");
                None
            }
        }
    }

    fn text_of(&mut self, path: &str, value: &Value) -> Option<String> {
        if let Value::String(text) = value {
            return Some(text.clone());
        }
        self.fault(path, "must be a string");
        None
    }

    /// An optional number; none when it is wrong.
    fn number(
        &mut self,
        path: &str,
        fields: &Map<String, Value>,
        name: &str,
    ) -> Option<Option<i32>> {
        match fields.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => {
                let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
                if number.is_none() {
                    self.fault(&below(path, name), "must be a whole number");
                }
                number.map(Some)
            }
        }
    }

    /// The elements of an optional list, each with its path.
    fn list<'v>(
        &mut self,
        path: &str,
        fields: &'v Map<String, Value>,
        name: &str,
    ) -> Vec<(String, &'v Value)> {
        let path = below(path, name);
        match fields.get(name) {
            None => Vec::new(),
            Some(Value::Array(elements)) => elements
                .iter()
                .enumerate()
                .map(|(at, element)| (format!("{path}[{at}]"), element))
                .collect(),
            Some(_) => {
                self.fault(&path, "must be a list");
                Vec::new()
            }
        }
    }
}

fn below(path: &str, name: &str) -> String {
    // A name of another's choosing is not lost in the line, nor breaks it.
    let is_plain = |letter: char| letter.is_alphanumeric() || letter == '_';
    let name = if !name.is_empty() && name.chars().all(is_plain) {
        name.to_owned()
    } else {
        format!("{name:?}")
    };
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}

/// A value in which no object names a field twice; serde_json's own would keep the last and drop the others.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UnambiguousVisitor)
    }
}

struct UnambiguousVisitor;

impl<'de> Visitor<'de> for UnambiguousVisitor {
    type Value = Unambiguous;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Unambiguous, A::Error> {
        let mut list = Vec::new();
        while let Some(Unambiguous(element)) = elements.next_element()? {
            list.push(element);
        }
        Ok(Unambiguous(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unambiguous, A::Error> {
        let mut fields = Map::new();
        while let Some((name, Unambiguous(value))) = entries.next_entry::<String, _>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!(
                    "the field {name:?} is there twice"
                )));
            }
            fields.insert(name, value);
        }
        Ok(Unambiguous(Value::Object(fields)))
    }
}
