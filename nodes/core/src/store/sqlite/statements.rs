//! The SQL of the sink: every name is quoted, every value bound.

use super::{Mode, ORDER_COLUMN, SqliteSink, cell};

/// `name` as an identifier, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl SqliteSink {
    pub(super) fn columns(&self) -> String {
        self.schema.fields().iter().map(|field| quoted(field.name())).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn create_table(&self) -> String {
        let columns: Vec<String> = self
            .schema
            .fields()
            .iter()
            .map(|field| format!("{} {}", quoted(field.name()), cell::sql_type(field.data_type())))
            .collect();
        let key = match self.params.mode {
            Mode::Upsert => format!(", PRIMARY KEY ({})", self.key().join(", ")),
            Mode::Append | Mode::Replace => String::new(),
        };
        format!("CREATE TABLE IF NOT EXISTS main.{} ({}{key})", quoted(&self.params.table), columns.join(", "))
    }

    pub(super) fn key(&self) -> Vec<String> {
        self.params.key.iter().map(|column| quoted(column.as_str())).collect()
    }

    /// Moves the staged rows up to `?1` into the table.
    pub(super) fn move_rows(&self) -> String {
        let table = quoted(&self.params.table);
        let columns = self.columns();
        let conflict = match self.params.mode {
            Mode::Append | Mode::Replace => String::new(),
            Mode::Upsert => {
                let key = self.key();
                let updates: Vec<String> = self
                    .schema
                    .fields()
                    .iter()
                    .map(|field| quoted(field.name()))
                    .filter(|column| !key.contains(column))
                    .map(|column| format!("{column} = excluded.{column}"))
                    .collect();
                if updates.is_empty() {
                    format!(" ON CONFLICT ({}) DO NOTHING", key.join(", "))
                } else {
                    format!(" ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), updates.join(", "))
                }
            }
        };
        format!(
            "INSERT INTO main.{table} ({columns}) SELECT {columns} FROM staging.rows \
             WHERE {ORDER_COLUMN} <= ?1 ORDER BY {ORDER_COLUMN}{conflict}"
        )
    }
}
