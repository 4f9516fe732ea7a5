//! Reading from the other process.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// How long a reader looks before it sleeps. Most answers come sooner, and to wake a process that
/// sleeps takes about as long as to run a script.
const LOOK: Duration = Duration::from_micros(100);

/// What is there, or comes at once; `None` if nothing does, and zero at the end.
pub(super) fn look(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let until = Instant::now() + LOOK;
    loop {
        match recv(socket.as_fd(), &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((n_bytes, _)) => return Ok(Some(n_bytes)),
            Err(Errno::AGAIN) if Instant::now() < until => std::thread::yield_now(),
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
