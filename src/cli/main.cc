#include <CLI/CLI.hpp>

#include "cli/commands.h"

int main(int argc, char** argv) {
    CLI::App app{"Portico, an API gateway: the front door to a team's microservices.", "portico"};
    app.set_version_flag("--version", "portico " PORTICO_VERSION);
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::help);
    int status = 0;

    std::string file = "portico.yaml";
    const auto file_option = [&](CLI::App* command) { command->add_option("-c,--config", file, "the configuration")->capture_default_str(); };

    bool watch = false;
    auto* run = app.add_subcommand("run", "the gateway");
    file_option(run);
    run->add_flag("--watch", watch, "reload when the file changes (SIGHUP always does)");
    run->callback([&] { status = portico::cli::run(file, watch); });

    int port = 8080;
    auto* demo = app.add_subcommand("demo", "the gateway with three small services inside; prints what to try");
    demo->add_option("--port", port, "where to listen on 127.0.0.1; 0 lets the system choose")->capture_default_str()->check(CLI::Range(0, 65535));
    demo->callback([&] { status = portico::cli::demo(port); });

    bool json = false, strict = false;
    auto* check = app.add_subcommand("check", "every fault of a configuration at once, each with its place and a likely correction");
    file_option(check);
    check->add_flag("--json", json, "for programs");
    check->add_flag("--strict", strict, "warnings fail too, and routes without a guard are named");
    check->callback([&] { status = portico::cli::check(file, json, strict); });

    std::string method, url, from = "127.0.0.1";
    std::vector<std::string> headers;
    auto* explain = app.add_subcommand("explain", "which route a request takes and why, and what would go upstream");
    file_option(explain);
    explain->add_option("METHOD", method, "GET, POST, …")->required();
    explain->add_option("URL", url, "a path, or a whole URL")->required();
    explain->add_option("-H,--header", headers, "'Name: value', repeatable")->take_all()->allow_extra_args(false);
    explain->add_option("--from", from, "the client's address")->capture_default_str();
    explain->callback([&] { status = portico::cli::explain(file, method, url, headers, from); });

    bool markdown = false;
    auto* schema = app.add_subcommand("schema", "the configuration's JSON Schema, for editors");
    schema->add_flag("--markdown", markdown, "the reference document instead");
    schema->callback([&] { status = portico::cli::schema(markdown); });

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int code = app.exit(e);
        return code == 0 ? 0 : portico::cli::kUsage;
    }
    return status;
}
