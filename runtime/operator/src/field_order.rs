//! The order in which a struct declares its fields, which its JSON schema does not keep.
//!
//! A deserializer that gives nothing and listens: serde hands every struct's field names to `deserialize_struct`. Each
//! field of the struct is entered once, so the structs that it holds (also in an option or a list) are heard as well;
//! what lies deeper, or inside an enum, is not.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Field names by struct name, each in the order of the declaration.
pub(crate) type FieldOrder = BTreeMap<&'static str, &'static [&'static str]>;

/// Listens to `T` and the structs that it holds.
pub(crate) fn field_order<T: DeserializeOwned>() -> FieldOrder {
    let mut order = FieldOrder::new();
    let mut field = 0;
    loop {
        let mut num_fields = 0;
        let listener = Listener { order: &mut order, enter: Some(field), num_fields: &mut num_fields };
        // It cannot succeed and need not: the names were said on the way.
        let _ = T::deserialize(listener);
        field += 1;
        if field >= num_fields {
            return order;
        }
    }
}

struct Listener<'a> {
    order: &'a mut FieldOrder,
    /// Which field of the outermost struct to enter; `None` inside of it.
    enter: Option<usize>,
    num_fields: &'a mut usize,
}

#[derive(Debug)]
struct Heard;

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no value here")
    }
}

impl std::error::Error for Heard {}

impl Error for Heard {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = Heard;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Heard> {
        Err(Heard)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Heard> {
        self.order.insert(name, fields);
        let Some(enter) = self.enter else { return Err(Heard) };
        *self.num_fields = fields.len();
        let field = fields.get(enter).copied();
        visitor.visit_map(Inside { field, listener: Listener { enter: None, ..self } })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Heard> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Heard> {
        visitor.visit_seq(Inside { field: None, listener: self })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct map enum identifier ignored_any
    }
}

/// One field of a struct, or one item of a list.
struct Inside<'a> {
    field: Option<&'static str>,
    listener: Listener<'a>,
}

impl<'de> MapAccess<'de> for Inside<'_> {
    type Error = Heard;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Heard> {
        self.field.take().map(|field| seed.deserialize(StrDeserializer::new(field))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Heard> {
        seed.deserialize(self.listener.again())
    }
}

impl<'de> SeqAccess<'de> for Inside<'_> {
    type Error = Heard;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Heard> {
        seed.deserialize(self.listener.again()).map(Some)
    }
}

impl Listener<'_> {
    fn again(&mut self) -> Listener<'_> {
        Listener { order: self.order, enter: self.enter, num_fields: self.num_fields }
    }
}
