//! How a kind of entry is declared: once, with the number, name and meaning of each field.

/// A kind of entry.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its number, in the first part of an entry.
    pub number: u32,
    /// Its word.
    pub word: &'static str,
    /// What it is.
    pub about: &'static [&'static str],
    /// Its fields, in the order of their numbers.
    pub fields: &'static [Field],
}

/// A field of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its number in the map.
    pub number: u32,
    /// Its name in JSON.
    pub name: &'static str,
    /// What it says.
    pub about: &'static [&'static str],
    /// What kind of value it has, for tables.
    pub shape: Shape,
}

/// What kind of value a field has.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A text, in JSON.
    Text,
    /// A whole number that is not negative.
    Number,
    /// Yes or no.
    Flag,
    /// Fields of its own.
    Nested(&'static [Field]),
    /// Several values.
    List,
}

/// What has a shape.
pub(super) trait Shaped {
    const SHAPE: Shape;
}

impl<T: Shaped> Shaped for Option<T> {
    const SHAPE: Shape = T::SHAPE;
}

impl<T: Shaped> Shaped for Box<T> {
    const SHAPE: Shape = T::SHAPE;
}

impl<T> Shaped for Vec<T> {
    const SHAPE: Shape = Shape::List;
}

/// Declares a kind of entry, or of a value within one.
macro_rules! record {
    (
        $(#[doc = $about:literal])+
        $name:ident = $number:literal $word:literal {
            $($(#[doc = $doc:literal])+ $(#[with($with:literal)])? $field_number:literal $field:ident: $type:ty,)*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Default, PartialEq, minicbor::Decode, serde::Serialize)]
        #[cfg_attr(test, derive(minicbor::Encode))]
        #[cbor(map)]
        pub struct $name {
            $($(#[doc = $doc])+ #[cbor(n($field_number) $(, with = $with)?)] #[cbor(default)]
            #[serde(skip_serializing_if = "crate::record::scalar::Unsaid::is_unsaid")]
            pub $field: $type,)*
        }

        impl $name {
            /// How it is declared.
            pub const KIND: $crate::record::Kind = $crate::record::Kind {
                number: $number,
                word: $word,
                about: &[$($about,)+],
                fields: &[$($crate::record::Field {
                    number: $field_number,
                    name: stringify!($field),
                    about: &[$($doc,)+],
                    shape: <$type as $crate::record::fields::Shaped>::SHAPE,
                },)*],
            };
        }

        impl $crate::record::write::Write for $name {
            fn write(&self, out: &mut Vec<u8>) {
                use $crate::record::write::{field, map};
                map(0 $(+ usize::from($crate::record::write::Write::is_said(&self.$field)))*, out);
                $(field($field_number, &self.$field, out);)*
            }
        }

        impl $crate::record::fields::Shaped for $name {
            const SHAPE: $crate::record::Shape = $crate::record::Shape::Nested($name::KIND.fields);
        }
    };
}
