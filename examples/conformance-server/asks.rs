//! Tools that ask: each is written once, for a client that is asked in the middle of the call and for one that calls again
//! with its answers.

use std::time::Duration;

use mcp_server_tiny::types::{
    BooleanSchema, Change, CreateMessageParams, ElicitParams, ElicitResult, EnumOption, MultiSelectSchema,
    NumberSchema, RequestedSchema, SingleSelectSchema, StringSchema,
};
use mcp_server_tiny::{Call, Server, Tool, ToolError};

pub(crate) fn offer(server: Server) -> Server {
    let server = server
        .tool(
            Tool::new("test_sampling").description("Asks the model").param::<String>("prompt", "what to ask"),
            |call: &mut Call<'_>| sample(call, call.arg::<&str>("prompt")?),
        )
        .tool(
            Tool::new("test_elicitation").description("Asks the user").param::<String>("message", "what to ask"),
            |call: &mut Call<'_>| {
                let form = RequestedSchema::new()
                    .required("username", StringSchema::new().description("Your name here"))
                    .required("email", StringSchema::email());
                let message = call.arg::<&str>("message")?;
                call.elicit("user", ElicitParams::form(message, form)).map(|answer| told(&answer))
            },
        )
        .tool(
            Tool::new("test_elicitation_sep1034_defaults").description("Asks with a default for every kind of field"),
            |call: &mut Call<'_>| {
                call.elicit("form", ElicitParams::form("Are these right?", defaults())).map(|answer| told(&answer))
            },
        )
        .tool(
            Tool::new("test_elicitation_sep1330_enums").description("Asks for every kind of choice"),
            |call: &mut Call<'_>| {
                call.elicit("form", ElicitParams::form("What do you choose?", choices())).map(|answer| told(&answer))
            },
        )
        .tool(
            Tool::new("test_reconnection").description("Lets its client come back for the answer").on_worker(),
            |call: &mut Call<'_>| {
                call.close_stream(Some(Duration::from_millis(500)));
                call.sleep(Duration::from_millis(100))?;
                Ok("It was worth coming back.")
            },
        );
    changes(rounds(server))
}

/// What a call with answers is asked in 2026-07-28.
fn rounds(server: Server) -> Server {
    server
        .tool(
            Tool::new("test_input_required_result_elicitation").description("Asks for a name"),
            |call: &mut Call<'_>| name(call, "user_name"),
        )
        .tool(
            Tool::new("test_input_required_result_sampling").description("Asks the model for a capital"),
            |call: &mut Call<'_>| sample(call, "What is the capital of France?"),
        )
        .tool(
            Tool::new("test_input_required_result_list_roots").description("Asks for the roots"),
            |call: &mut Call<'_>| Ok(format!("{} roots", call.roots("roots")?.roots.len())),
        )
        .tool(
            Tool::new("test_input_required_result_request_state")
                .description("Asks, and knows the answer's question again"),
            confirm,
        )
        .tool(
            Tool::new("test_input_required_result_tampered_state")
                .description("Asks, and takes no other state than its own"),
            confirm,
        )
        .tool(
            Tool::new("test_input_required_result_multiple_inputs")
                .description("Asks the user, the model and for the roots"),
            |call: &mut Call<'_>| {
                // All three go out in one round.
                let (name, greeting, roots) =
                    (name(call, "user_name"), sample(call, "Say hello."), call.roots("roots"));
                Ok(format!("{} {} {} roots", name?, greeting?, roots?.roots.len()))
            },
        )
        .tool(
            Tool::new("test_input_required_result_multi_round").description("Asks twice, one after the other"),
            |call: &mut Call<'_>| {
                let name = name(call, "step1")?;
                let form = RequestedSchema::new().required("color", StringSchema::new());
                let color = call.elicit("step2", ElicitParams::form("What is your favorite color?", form))?;
                Ok(format!("{name} {}", told(&color)))
            },
        )
        .tool(
            Tool::new("test_input_required_result_capabilities").description("Asks whatever its client can be asked"),
            |call: &mut Call<'_>| {
                let offers = call.offers();
                let name = offers.elicitation_form.then(|| name(call, "name"));
                let greeting = offers.sampling.then(|| sample(call, "Say hello."));
                let roots = offers.roots.then(|| call.roots("roots"));
                let (name, greeting, roots) = (name.transpose()?, greeting.transpose()?, roots.transpose()?);
                Ok(format!("{name:?} {greeting:?} {} roots", roots.map_or(0, |roots| roots.roots.len())))
            },
        )
        .tool(
            Tool::new("test_missing_capability").description("Asks a model that the client may not have"),
            |call: &mut Call<'_>| sample(call, "Is anybody there?"),
        )
        .tool(Tool::new("test_streaming_elicitation").description("Asks for a name"), |call: &mut Call<'_>| {
            name(call, "name")
        })
}

/// Tools that change nothing, but say so.
fn changes(server: Server) -> Server {
    server
        .tool(
            Tool::new("test_trigger_tool_change").description("Announces a change of the list of tools"),
            |call: &mut Call<'_>| {
                call.announce(Change::Tools);
                Ok("The list of tools is another one.")
            },
        )
        .tool(
            Tool::new("test_trigger_prompt_change").description("Announces a change of the list of prompts"),
            |call: &mut Call<'_>| {
                call.announce(Change::Prompts);
                Ok("The list of prompts is another one.")
            },
        )
}

fn sample(call: &mut Call<'_>, prompt: &str) -> Result<String, ToolError> {
    let answer = call.sample("model", CreateMessageParams::text(prompt, 100))?;
    Ok(format!("The model says: {}", answer.content.all_text()))
}

fn name(call: &mut Call<'_>, key: &str) -> Result<String, ToolError> {
    let form = RequestedSchema::new().required("name", StringSchema::new());
    call.elicit(key, ElicitParams::form("What is your name?", form)).map(|answer| told(&answer))
}

fn confirm(call: &mut Call<'_>) -> Result<String, ToolError> {
    let form = RequestedSchema::new().required("ok", BooleanSchema::new());
    call.elicit("confirm", ElicitParams::form("Please confirm", form)).map(|answer| told(&answer))
}

fn told(answer: &ElicitResult) -> String {
    let content = answer.content.as_ref().map(|content| serde_json::Value::from(content.clone()).to_string());
    format!("{:?}: {}", answer.action, content.unwrap_or_default())
}

fn defaults() -> RequestedSchema {
    RequestedSchema::new()
        .optional("name", StringSchema::new().default_text("John Doe"))
        .optional("age", NumberSchema::integer().default_number(30))
        .optional("score", NumberSchema::number().default_number(95.5))
        .optional("status", SingleSelectSchema::new(["active", "inactive", "pending"]).default_option("active"))
        .optional("verified", BooleanSchema::new().default_value(true))
}

fn choices() -> RequestedSchema {
    let titled = [("one", "The first"), ("two", "The second"), ("three", "The third")];
    let titled = || titled.map(|(value, title)| EnumOption::from((value, title)));
    RequestedSchema::new()
        .optional("untitledSingle", SingleSelectSchema::new(["one", "two", "three"]))
        .optional("titledSingle", SingleSelectSchema::new(titled()))
        .optional("legacyEnum", SingleSelectSchema::new(titled()).legacy())
        .optional("untitledMulti", MultiSelectSchema::new(["one", "two", "three"]))
        .optional("titledMulti", MultiSelectSchema::new(titled()))
}
