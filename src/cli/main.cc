#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "base/text.h"
#include "server/process_limits.h"

namespace {

// The likely word for one that no command or option has. @returns empty where none is near
std::string likely(const CLI::App& app, const std::string& word) {
    std::vector<std::string> known;
    if (word.starts_with('-')) {
        for (const CLI::App* from : {&app, app.get_subcommands().empty() ? &app : app.get_subcommands().front()}) {
            for (const CLI::Option* o : from->get_options()) {
                for (const std::string& name : o->get_lnames()) known.push_back("--" + name);
            }
        }
    } else {
        for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
    }
    const std::vector<std::string_view> candidates(known.begin(), known.end());
    return std::string(portico::nearest(word.substr(0, word.find('=')), candidates.data(), candidates.size()));
}

// The first word that is none of the command line's, said with the word that was likely meant.
// @returns false where every word is known
bool tell_unknown_word(const CLI::App& app, int argc, char** argv) {
    const bool no_command = app.get_subcommands().empty();
    std::string word = no_command && argc > 1 ? argv[1] : "";
    if (const auto left = app.remaining(true); word.empty() && !left.empty()) word = left.front();
    if (word.empty()) return false;
    const std::string near = likely(app, word);
    const bool command = no_command && !word.starts_with('-');
    std::string said = command ? "there is no command \"" + word + "\"" : "\"" + word + "\" means nothing here";
    if (!near.empty()) said += ": did you mean " + near + "?";
    else if (command) {
        said += ", but";
        for (const CLI::App* c : app.get_subcommands({})) said += " " + c->get_name();
    }
    const std::string help = command ? "portico --help" : "portico " + (no_command ? "" : app.get_subcommands().front()->get_name() + " ") + "--help";
    std::fprintf(stderr, "portico: %s\n%s says what there is\n", said.c_str(), help.c_str());
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    portico::server::hold_standard_descriptors();
    CLI::App app{"Portico, an API gateway: the front door to a team's microservices.", "portico"};
    app.set_version_flag("--version", "portico " PORTICO_VERSION);
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::help);
    int status = 0;

    std::string file = "portico.yaml";
    const auto file_option = [&](CLI::App* command) { command->add_option("-c,--config", file, "the configuration; - reads it from stdin")->capture_default_str(); };

    bool watch = false;
    auto* run = app.add_subcommand("run", "the gateway");
    file_option(run);
    run->add_flag("--watch", watch, "reload when the file changes (SIGHUP always does)");
    run->callback([&] { status = portico::cli::run(file, watch); });

    int port = 8080;
    auto* demo = app.add_subcommand("demo", "the gateway with four small services inside; prints what to try; the admin pages stand at 127.0.0.1:9090, or where the start says if that port is taken");
    demo->add_option("--port", port, "where to listen on 127.0.0.1; 0 lets the system choose")->capture_default_str()->check(CLI::Range(0, 65535));
    demo->callback([&] { status = portico::cli::demo(port); });

    bool json = false, strict = false;
    auto* check = app.add_subcommand("check", "every fault of a configuration at once, each with its place and a likely correction");
    file_option(check);
    check->add_flag("--json", json, "for programs");
    check->add_flag("--strict", strict, "warnings fail too, and routes without a guard are named");
    check->callback([&] { status = portico::cli::check(file, json, strict); });

    std::string method, url, from = "127.0.0.1", keys_file;
    std::vector<std::string> headers;
    auto* explain = app.add_subcommand("explain", "which route a request takes and why, and what would go upstream");
    file_option(explain);
    explain->add_option("METHOD", method, "GET, POST, …")->required();
    explain->add_option("URL", url, "a path, or a whole URL")->required();
    explain->add_option("-H,--header", headers, "'Name: value', repeatable")->take_all()->allow_extra_args(false);
    explain->add_option("--from", from, "the client's address")->capture_default_str();
    explain->add_option("--keys", keys_file, "a file of keys (JWK, JWKS or PEM) in place of those that an issuer publishes, which are fetched otherwise");
    explain->callback([&] { status = portico::cli::explain(file, method, url, headers, from, keys_file); });

    bool markdown = false;
    auto* schema = app.add_subcommand("schema", "the configuration's JSON Schema, for editors");
    schema->add_flag("--markdown", markdown, "the reference document instead");
    schema->callback([&] { status = portico::cli::schema(markdown); });

    portico::cli::TokenOptions wanted;
    auto* token = app.add_subcommand("token", "a signed token for trying a configuration out, on stdout");
    token->add_option("--sub", wanted.subject, "whom it names");
    token->add_option("--email", wanted.email, "the claim `email`");
    token->add_option("--claim", wanted.claims, "name=value, repeatable; the value is JSON where it is some, else text")->take_all()->allow_extra_args(false);
    token->add_option("--expires", wanted.expires, "how long it is good")->capture_default_str();
    token->add_option("--secret", wanted.secret, "the shared secret (other users of this machine can see it: prefer a file)");
    token->add_option("--secret-file", wanted.secret_file, "a file with it, whose last newline is dropped");
    token->add_option("--key", wanted.key_file, "a file with a private key in PEM: RSA, EC or Ed25519");
    token->add_option("--algorithm", wanted.algorithm, "such as HS256; the key's, or the policy's, first where none is given");
    token->add_option("--kid", wanted.key_id, "the key's name, in the token's header");
    token->add_option("-c,--config", wanted.config_file, "take secret, algorithm, issuer and audience from this file's jwt policy");
    token->add_option("--policy", wanted.policy, "which of its jwt policies");
    token->callback([&] { status = portico::cli::token(wanted); });

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr || dynamic_cast<const CLI::RequiredError*>(&e) != nullptr) {
            if (tell_unknown_word(app, argc, argv)) return portico::cli::kUsage;
        }
        const int code = app.exit(e);
        return code == 0 ? 0 : portico::cli::kUsage;
    }
    return status;
}
