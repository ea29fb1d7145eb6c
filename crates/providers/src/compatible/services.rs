//! What a row says of the services that its vendor has.

use super::Quirk;
use crate::{KnownOffers, Operation};
use serde::Deserialize;
use std::collections::BTreeMap;
use switchtower_dialect::services::openai_embeddings::Elements;
use switchtower_domain::{DimensionsField, RankingForm};

/// Where services are that are not where they usually are.
pub(super) type Paths = BTreeMap<Operation, Quirk<String>>;

macro_rules! section {
    ($name:ident { $($field:ident: $type:ty,)* }) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name { $($field: Option<Quirk<$type>>,)* }

        #[cfg(test)]
        impl $name {
            pub(super) fn sources(&self) -> Vec<(&'static str, &str)> {
                let mut sources = Vec::new();
                $(if let Some(quirk) = &self.$field { sources.push((stringify!($field), quirk.source.as_str())); })*
                sources
            }
        }
    };
}

section!(Embeddings {
    dimensions_field: DimensionsName,
    floats: bool,
    float_word: bool,
    base64: bool,
    elements: ElementsName,
    token_inputs: bool,
    input_type: bool,
    inputs_max: usize,
    forbidden: Vec<String>,
});

section!(Rerank {
    form: FormName,
    document_objects: bool,
    return_documents: bool,
    forbidden: Vec<String>,
});

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DimensionsName {
    Dimensions,
    OutputDimension,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ElementsName {
    Float32,
    Int8,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FormName {
    Results,
    Data,
}

/// What a row says of operations, as it is known of its kind. A row that says nothing offers conversations only.
pub(super) fn offers(
    operations: Option<Quirk<Vec<Operation>>>,
    paths: Paths,
    embeddings: Embeddings,
    rerank: Rerank,
) -> KnownOffers {
    let operations = operations.map_or_else(|| vec![Operation::Answer], |quirk| quirk.value);
    let services: Vec<Operation> =
        Operation::SERVICES.into_iter().filter(|service| operations.contains(service)).collect();
    let mut offers = KnownOffers::usual(&services);
    offers.answers = operations.contains(&Operation::Answer);
    for (operation, quirk) in paths {
        if let Some((_, path)) = offers.paths.iter_mut().find(|(offered, _)| *offered == operation) {
            *path = quirk.value;
        }
    }
    embeddings.over(&mut offers);
    rerank.over(&mut offers);
    offers
}

impl Embeddings {
    fn over(self, offers: &mut KnownOffers) {
        let variant = &mut offers.embeddings;
        macro_rules! take {
            ($($field:ident),*) => { $(if let Some(quirk) = self.$field { variant.$field = quirk.value; })* };
        }
        take!(floats, float_word, base64, token_inputs, input_type, forbidden);
        if let Some(quirk) = self.dimensions_field {
            variant.dimensions_field = Some(match quirk.value {
                DimensionsName::Dimensions => DimensionsField::Dimensions,
                DimensionsName::OutputDimension => DimensionsField::OutputDimension,
            });
        }
        if let Some(quirk) = self.elements {
            variant.elements = match quirk.value {
                ElementsName::Float32 => Elements::Float32,
                ElementsName::Int8 => Elements::Int8,
            };
        }
        variant.inputs_max = self.inputs_max.map(|quirk| quirk.value).or(variant.inputs_max);
    }
}

impl Rerank {
    fn over(self, offers: &mut KnownOffers) {
        let variant = &mut offers.rerank;
        macro_rules! take {
            ($($field:ident),*) => { $(if let Some(quirk) = self.$field { variant.$field = quirk.value; })* };
        }
        take!(document_objects, return_documents, forbidden);
        if let Some(quirk) = self.form {
            variant.form = Some(match quirk.value {
                FormName::Results => RankingForm::Results,
                FormName::Data => RankingForm::Data,
            });
        }
    }
}
