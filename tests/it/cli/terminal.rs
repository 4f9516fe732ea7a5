//! A terminal with a person before it, for what asks one.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::running::until;

/// The person's side of it, and the program's.
pub(super) struct Terminal {
    keys: File,
    program: File,
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    pub(super) fn open() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let path = ptsname(&person, Vec::new()).unwrap();
        let program =
            OpenOptions::new().read(true).write(true).open(path.to_str().unwrap()).unwrap();
        let keys = File::from(person);
        let (mut screen, shown) = (keys.try_clone().unwrap(), Arc::new(Mutex::new(String::new())));
        let shows = Arc::clone(&shown);
        // Ends with the program's side.
        std::thread::spawn(move || {
            let mut piece = [0; 1024];
            while let Ok(len @ 1..) = screen.read(&mut piece) {
                shows.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..len]));
            }
        });
        Self { keys, program, shown }
    }

    /// Where a program reads and writes.
    pub(super) fn stdio(&self) -> Stdio {
        self.program.try_clone().unwrap().into()
    }

    /// Types text when `what` is shown.
    pub(super) fn answer(&mut self, what: &str, text: &str) {
        self.wait(what);
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    pub(super) fn wait(&self, what: &str) {
        until(what, || self.shown().contains(what), || self.shown());
    }

    pub(super) fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// Whether keys go to the program one by one, without an echo.
    pub(super) fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.program).unwrap().local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
    }
}
