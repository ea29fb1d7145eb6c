//! Profiles, as `~/.aws/config` and `~/.aws/credentials` have them:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::collections::BTreeMap;

/// The settings of one profile, and of the session of single sign-on that it names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile(BTreeMap<String, String>);

impl Profile {
    /// A setting, if it is there and says something.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The profile of a name in the texts of the two files; of a setting in both, that of the credentials holds.
pub fn profile(config: &str, credentials: &str, name: &str) -> Option<Profile> {
    let plain = if name == "default" { "default".to_owned() } else { format!("profile {name}") };
    let mut found = section(config, &plain).or_else(|| section(config, &format!("profile {name}")));
    if let Some(keys) = section(credentials, name) {
        found.get_or_insert_default().extend(keys);
    }
    let mut settings = found?;
    let session = settings.get("sso_session").and_then(|session| section(config, &format!("sso-session {session}")));
    for (key, value) in session.into_iter().flatten() {
        settings.entry(key).or_insert(value);
    }
    Some(Profile(settings))
}

fn section(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let mut found = None;
    let mut within = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            within = header.split_whitespace().collect::<Vec<_>>().join(" ") == name;
            if within {
                found.get_or_insert_with(BTreeMap::new);
            }
            continue;
        }
        // A line that begins with white space belongs to a setting of several lines, of which none is read here.
        if let (true, false, Some((key, value))) = (within, line.starts_with([' ', '\t']), trimmed.split_once('=')) {
            let value = value.split(" #").next().unwrap_or_default().trim();
            found.get_or_insert_with(BTreeMap::new).insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "# work\n[default]\nregion = eu-central-1\n[profile team]\nregion=us-east-1 # far\ns3 =\n  max = 2\n[ profile  sso ]\nsso_session = acme\nsso_account_id = 123\nsso_role_name = dev\n[sso-session acme]\nsso_region = eu-west-1\nsso_start_url = https://acme.example/start\n";

    #[test]
    fn settings_come_from_both_files_and_from_sessions() {
        let keys = "[default]\naws_access_key_id = AKID\n[team]\naws_access_key_id = TEAM\nregion = ignored-no\n";
        let default = profile(CONFIG, keys, "default").unwrap();
        assert_eq!((default.get("region"), default.get("aws_access_key_id")), (Some("eu-central-1"), Some("AKID")));
        assert_eq!(profile(CONFIG, keys, "team").unwrap().get("aws_access_key_id"), Some("TEAM"));
        assert_eq!(profile(CONFIG, "", "team").unwrap().get("region"), Some("us-east-1"));
        let sso = profile(CONFIG, keys, "sso").unwrap();
        assert_eq!((sso.get("sso_region"), sso.get("sso_account_id")), (Some("eu-west-1"), Some("123")));
        assert_eq!(profile(CONFIG, keys, "nobody"), None);
    }
}
