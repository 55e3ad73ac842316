//! What the device offers, and its bounds.

use alloc::format;
use core::time::Duration;

use mcp_core::Limits;
use mcp_server_tiny::{Call, Resource, Server, Tool, ToolError};

use crate::board::Board;
use crate::{clock, heap, start};

/// The largest message.
const MESSAGE_BYTES: usize = 2 * 1024;

/// The server, with bounds for a device of 64 KiB.
#[inline(never)]
pub(crate) fn server() -> Server {
    let read_sensor = Tool::new("read_sensor").description("The temperature of the chip").read_only_hint(true);
    let set_led = Tool::new("set_led").description("Turns the lamp on or off").param::<bool>("on", "whether it shines");
    let uptime = Tool::new("uptime").description("Milliseconds since the device started").read_only_hint(true);
    let memory = Resource::new("device://memory", "memory").mime_type("application/json");
    Server::new("mcp-firmware", env!("CARGO_PKG_VERSION"))
        .tool(read_sensor, |_| {
            let tenths = Board::temperature().ok_or(ToolError::new("the sensor does not answer"))?;
            Ok(format!("{}.{} °C", tenths / 10, tenths.unsigned_abs() % 10))
        })
        .tool(set_led, |call: &mut Call<'_>| {
            Ok(if Board::set_lamp(call.arg::<bool>("on")?) { "the lamp is on" } else { "the lamp is off" })
        })
        .tool(uptime, |_| Ok(clock::uptime_millis()))
        .resource_with(memory, |_| {
            let (heap, (stack_bytes, stack_peak)) = (heap::usage(), start::stack());
            let heap::Use { bytes, used, peak } = heap;
            Ok(format!(
                r#"{{"heap":{{"bytes":{bytes},"used":{used},"peak":{peak}}},"stack":{{"bytes":{stack_bytes},"peak":{stack_peak}}}}}"#
            ))
        })
        .without_http_sse()
        .without_listening()
        .without_logging()
        .keep_alive(None)
        .message_limits(|limits| *limits = Limits::SMALL)
        .limits(|limits| {
            // The line has one client at a time; a session takes less than a connection.
            limits.connections = 4;
            limits.sessions = 3;
            limits.turned_away = 0;
            limits.head_bytes = MESSAGE_BYTES;
            limits.body_bytes = MESSAGE_BYTES;
            limits.buffered_bytes = 2 * MESSAGE_BYTES;
            limits.output_bytes = 2 * MESSAGE_BYTES;
            limits.unsent_bytes = 4 * MESSAGE_BYTES;
            limits.spare_bytes = 0;
            limits.replay_bytes = 0;
            limits.replay_bytes_in_all = 0;
            limits.subscriptions = 0;
        })
        .timeouts(|timeouts| {
            // Shorter than the patience of the next client: a line has no end that tells that the one before it has gone.
            timeouts.head = Duration::from_secs(2);
            timeouts.body = Duration::from_secs(2);
            // Deadlines that are over are kept until they would have come.
            timeouts.idle = Duration::from_secs(10);
            timeouts.session_unused = Duration::from_secs(60);
            timeouts.handshake = Duration::from_secs(10);
        })
}
