//! Names, made only by checked constructors.

use crate::limits;
use std::fmt;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing.
    #[error("a name needs at least one character")]
    Empty,
    /// It is too long.
    #[error("a name has at most {max} characters, this one has {found}")]
    TooLong {
        /// The bound.
        max: usize,
        /// What was found.
        found: usize,
    },
    /// It has a character that names do not have.
    #[error("a name is made of a-z, 0-9, '-', '_' and '.', and begins with a letter or digit; found '{found}'")]
    Character {
        /// The first such character.
        found: char,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $extra:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// Checks a text and makes it a name.
            ///
            /// # Errors
            /// [`NameError`] says what is wrong with it.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text, $extra)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of a provider: `openai`, `anthropic`, `my-vllm`.
    ProviderName,
    |_| false
);
name!(
    /// The name of a deployment or an alias, as clients ask for it.
    DeploymentName,
    |c| matches!(c, '/' | ':' | '@') || c.is_ascii_uppercase()
);
name!(
    /// A model by its provider's name for it.
    ModelName,
    |c: char| !c.is_control() && !c.is_whitespace()
);
name!(
    /// Where a deployment runs, by its vendor's name for it: `eu-west-1`, `swedencentral`.
    RegionName,
    |_| false
);

name!(
    /// An account at a provider, by the name that its operator gives it.
    AccountName,
    |_| false
);
name!(
    /// Who pays and is limited, and whose content is kept under keys of its own.
    TenantName,
    |_| false
);

name!(
    /// A part of an organisation that spends, for reports and rules.
    TeamName,
    |_| false
);
name!(
    /// What an organisation uses models for.
    UseCaseName,
    |_| false
);

fn check(text: &str, extra: impl Fn(char) -> bool) -> Result<(), NameError> {
    let Some(first) = text.chars().next() else {
        return Err(NameError::Empty);
    };
    if text.len() > limits::NAME_BYTES_MAX {
        return Err(NameError::TooLong { max: limits::NAME_BYTES_MAX, found: text.len() });
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !plain(first) && !extra(first) {
        return Err(NameError::Character { found: first });
    }
    match text.chars().find(|&c| !plain(c) && !matches!(c, '-' | '_' | '.') && !extra(c)) {
        Some(found) => Err(NameError::Character { found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert!(ProviderName::new("my-vllm_2").is_ok());
        assert_eq!(ProviderName::new(""), Err(NameError::Empty));
        assert_eq!(ProviderName::new("a/b"), Err(NameError::Character { found: '/' }));
        assert!(DeploymentName::new("openai/gpt-5@eu").is_ok());
        assert_eq!(DeploymentName::new("a b"), Err(NameError::Character { found: ' ' }));
        assert!(ModelName::new("meta-llama/Llama-3.3-70B:free").is_ok());
        assert!(matches!(ModelName::new("x".repeat(300)), Err(NameError::TooLong { .. })));
    }
}
