//! `millrace project`: the database that the designer uses too.

use crate::harness::Folder;

const PIPELINE: &str = r#"{
  "format": 1,
  "name": "Fleet health",
  "nodes": {
    "keep": {
      "kind": "process.filter",
      "params": {
        "condition": "x > 1"
      },
      "title": "Warm only"
    }
  },
  "wires": []
}
"#;

#[test]
fn a_project_survives_import_and_export_byte_for_byte() {
    let folder = Folder::with("fleet.millrace.json", PIPELINE);
    let ran = folder.millrace(&["project", "import", "fleet.millrace.json", "--database", "p.db"]).ended_with(0);
    assert_eq!(ran.stdout, "fleet.millrace.json: project 1, “Fleet health”\n");
    let list = folder.millrace(&["project", "list", "--database", "p.db"]).ended_with(0).stdout;
    assert!(list.contains("   1  Fleet health  20") && list.ends_with(" UTC     1 node\n"), "{list}");
    let json = folder.millrace(&["project", "list", "--json", "--database", "p.db"]).ended_with(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json[0]["id"], &json[0]["name"]), (&1.into(), &"Fleet health".into()));
    folder.millrace(&["project", "export", "1", "copy.json", "--database", "p.db"]).ended_with(0);
    assert_eq!(folder.read("copy.json"), PIPELINE);
    let ran = folder.millrace(&["project", "export", "Fleet health", "-", "--database", "p.db"]).ended_with(0);
    assert_eq!(ran.stdout, PIPELINE);
    let shown = folder.millrace(&["project", "show", "Fleet health", "--database", "p.db"]).ended_with(0).stdout;
    assert!(shown.contains("keep: Warm only (process.filter)"), "{shown}");
}

#[test]
fn a_project_that_is_not_there_is_refused_with_the_nearest_name() {
    let folder = Folder::with("fleet.millrace.json", PIPELINE);
    folder.millrace(&["project", "import", "fleet.millrace.json", "--database", "p.db"]).ended_with(0);
    let ran = folder.millrace(&["project", "show", "Fleet heath", "--database", "p.db"]).ended_with(2);
    ran.says_one_error_with(&["no project `Fleet heath`", "Did you mean `Fleet health`?"]);
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_looking() {
    let folder = Folder::new();
    let ran = folder.millrace(&["project", "list", "--database", "p.db"]).ended_with(2);
    ran.says_one_error_with(&["no project database", "p.db", "millrace project import"]);
    assert!(folder.names().is_empty());
}

#[test]
fn a_damaged_database_is_refused_and_stays_as_it_is() {
    let folder = Folder::with("p.db", "this is no database, but it is long enough to be looked at as one");
    let before = folder.read("p.db");
    let ran = folder.millrace(&["project", "list", "--database", "p.db"]).ended_with(1);
    ran.says_one_error_with(&["p.db"]);
    assert_eq!(folder.read("p.db"), before);
}

#[test]
fn nothing_is_imported_when_one_of_the_files_is_bad() {
    let folder = Folder::with("good.json", PIPELINE);
    folder.write("bad.json", "{\n  \"format\": 1,\n  \"nodes\" {}\n}\n");
    let ran = folder.millrace(&["project", "import", "good.json", "bad.json", "--database", "p.db"]).ended_with(2);
    ran.says_one_error_with(&["bad.json:3: "]);
    assert_eq!(folder.names(), ["bad.json", "good.json"]);
}
