//! Resources, prompts and completion.

use mcp_server_tiny::types::{
    ContentBlock, ElicitParams, PromptMessage, RequestedSchema, ResourceContents, StringSchema,
};
use mcp_server_tiny::{Call, Prompt, Resource, ResourceTemplate, Server, ToolError};

use super::PNG;

/// The first bytes of a picture: what is in a resource of bytes does not matter here.
const BYTES: &[u8] = b"\x89PNG\r\n\x1a\n";

pub(crate) fn offer(server: Server) -> Server {
    prompts(resources(server))
}

fn resources(server: Server) -> Server {
    server
        .resource(Resource::text("test://static-text", "Static text", "A text that stays.").mime_type("text/plain"))
        .resource(Resource::bytes("test://static-binary", "Static bytes", BYTES).mime_type("image/png"))
        .resource(
            Resource::text("test://watched-resource", "Watched", "A text to subscribe to.").mime_type("text/plain"),
        )
        .resource_template(
            ResourceTemplate::new("test://template/{id}/data", "Data by number").mime_type("application/json"),
            |call: &mut Call<'_>| Ok(format!(r#"{{"id": "{}"}}"#, call.arg::<&str>("id")?)),
        )
}

fn prompts(server: Server) -> Server {
    server
        .prompt(Prompt::new("test_simple_prompt").description("Says hello"), |_| Ok("Say hello."))
        .prompt(
            Prompt::new("test_prompt_with_arguments")
                .description("Compares two things")
                .argument("arg1", "the one")
                .argument("arg2", "the other")
                .complete("arg1", |typed| typed.matching(["apples", "pears", "testValue1"]))
                .complete("arg2", |typed| typed.matching(["apples", "pears", "testValue2"])),
            |call: &mut Call<'_>| {
                Ok(format!("Compare {} with {}.", call.arg::<&str>("arg1")?, call.arg::<&str>("arg2")?))
            },
        )
        .prompt(
            Prompt::new("test_prompt_with_embedded_resource")
                .description("Shows a resource")
                .argument("resourceUri", "which one"),
            with_resource,
        )
        .prompt(Prompt::new("test_prompt_with_image").description("Shows an image"), |_| {
            Ok(vec![
                PromptMessage::user(ContentBlock::image(PNG, "image/png")),
                PromptMessage::user(ContentBlock::text("What is in this image?")),
            ])
        })
        .prompt(
            Prompt::new("test_input_required_result_prompt").description("Asks what it is about first"),
            |call: &mut Call<'_>| {
                let form = RequestedSchema::new().required("context", StringSchema::new());
                let answer = call.elicit("user_context", ElicitParams::form("What is it about?", form))?;
                let context = answer.content.as_ref().and_then(|content| content["context"].as_str());
                Ok(format!("Say something about {}.", context.unwrap_or("anything")))
            },
        )
}

fn with_resource(call: &mut Call<'_>) -> Result<Vec<PromptMessage>, ToolError> {
    let uri = call.arg::<&str>("resourceUri")?;
    let resource = ResourceContents::text(uri, "A text in a prompt.").mime_type("text/plain");
    Ok(vec![
        PromptMessage::user(ContentBlock::resource(resource)),
        PromptMessage::user(ContentBlock::text("What does it say?")),
    ])
}
