//! The one door: every request of the protocol, handed to the module that answers it.

use millrace_protocol::{Failure, FailureCode, PROTOCOL_VERSION, Request, Response, Welcome};

use crate::Host;
use crate::runs::Wishes;

impl Host {
    /// Answers one request. Any number may be under way at once.
    ///
    /// # Errors
    /// What happened, where and what to do; nothing was changed then.
    pub async fn handle(&self, request: Request) -> Result<Response, Failure> {
        match request {
            Request::Hello => self.hello().await,
            Request::ListProjects => self.list_projects().await,
            Request::ListSamples => Ok(self.list_samples()),
            Request::CreateProject { name } => self.create_project(name).await,
            Request::ImportProject { text, folder } => self.import_project(text, folder).await,
            Request::ImportFile { path } => {
                self.refuse_unless_local("import a file by its path")?;
                self.import_file(path.as_ref()).await
            }
            Request::OpenProject { project } => self.open_project(project).await,
            Request::DeleteProject { project } => self.delete_project(project).await,
            Request::SaveDraft(draft) => self.save_draft(draft).await,
            Request::ListRevisions { project } => self.list_revisions(project).await,
            Request::SaveRevision { project, name } => self.save_revision(project, name).await,
            Request::RenameRevision { project, revision, name } => self.rename_revision(project, revision, name).await,
            Request::ReadRevision { project, revision } => self.read_revision(project, revision).await,
            Request::ExportFile { project, path } => {
                self.refuse_unless_local("export to a file by its path")?;
                self.export_file(project, path.into()).await
            }
            Request::Check { project, text } => self.check(project, text).await,
            Request::StartRun { project, text, parameters, breakpoints, replay, capture } => {
                self.start_run(project, text, parameters, Wishes { breakpoints, replay, capture }).await
            }
            Request::BeginCapture { run, wire } => self.begin_capture(run, wire).await,
            Request::EndCapture { run } => self.end_capture(run).await,
            Request::ListCaptures { project } => self.list_captures(project).await,
            Request::RenameCapture { project, capture, name } => self.rename_capture(project, capture, name).await,
            Request::DeleteCapture { project, capture } => self.delete_capture(project, capture).await,
            Request::SaveTest { project, capture, text, parameters, path } => {
                self.refuse_unless_local("write a test to a file by its path")?;
                self.save_test(project, capture, text, parameters, path.into()).await
            }
            Request::ExampleRow { run, wire } => self.example_row(run, wire).await,
            Request::InjectRows { run, wire, rows } => self.inject_rows(run, wire, rows).await,
            Request::SetBreakpoints { run, breakpoints } => self.set_breakpoints(run, breakpoints).await,
            Request::MoveRun { run, how } => self.move_run(run, how),
            Request::EditRun { run, text, apply } => self.edit_run(run, text, apply).await,
            Request::StopRun { run, now } => self.stop_run(run, now),
            Request::Poll(poll) => self.poll(poll).await,
            Request::RecentRows { run, node, port } => self.recent_rows(run, node, port).await,
            Request::RenderView { run, node, seen, format, width, height } => {
                self.render_view(run, node, seen, format, (width, height)).await
            }
            Request::ReadSetting { name } => self.read_setting(name).await,
            Request::WriteSetting { name, value } => self.write_setting(name, value).await,
        }
    }

    async fn hello(&self) -> Result<Response, Failure> {
        Ok(Response::Welcome(Welcome {
            protocol: PROTOCOL_VERSION,
            version: crate::VERSION.to_owned(),
            catalog: self.planner.catalog().clone(),
            is_local: self.options.is_local,
            project: self.first_project().await?,
        }))
    }

    fn refuse_unless_local(&self, what: &str) -> Result<(), Failure> {
        if self.options.is_local {
            return Ok(());
        }
        let message = format!("Only the desktop program may {what}. In the browser, send the file's content instead.");
        Err(Failure::new(FailureCode::Storage, message))
    }
}
