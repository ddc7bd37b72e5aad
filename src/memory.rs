//! What the allocator is told.

/// Gives memory that nobody uses back to the system: the allocator would keep the 19 MiB of a password's check, more
/// than all the rest together.
#[allow(unsafe_code, reason = "the allocator's own interface")]
pub fn give_back() {
    // SAFETY: it takes no pointer, and frees only what nobody uses.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
