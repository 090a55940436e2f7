#include "config/variables.h"

#include <cstdlib>
#include <tuple>

#include "config/scalar.h"

namespace portico::config {

Environment process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
    };
}

namespace {

constexpr const char* kEscape = "write $${ for a dollar and a brace";

// What `${NAME:text}`, `${NAME-text}`, `${NAME:=text}` and their like, as shells and other programs have them, were likely meant to be.
// @returns nothing where no variable's name begins the text
std::string meant_default(std::string_view inside, bool is_secret) {
    const size_t end = std::min(inside.find_first_of(":-=?+"), inside.size());
    if (end == inside.size() || !is_variable_name(inside.substr(0, end))) return {};
    std::string_view text = inside.substr(end);
    if (text.starts_with(':')) text.remove_prefix(1);
    if (!text.empty() && std::string_view("-=?+").contains(text.front())) text.remove_prefix(1);
    return "${" + std::string(inside.substr(0, end)) + ":-" + (is_secret ? "…" : std::string(text)) + "}";
}

// One scalar's variables, from the left.
class Substitution {
  public:
    Substitution(Node& node, const Environment& environment, FaultList& faults, bool is_secret)
        : node_(node), environment_(environment), faults_(faults), is_secret_(is_secret), in_(node.raw) {}

    // The text, and the same in a template's notation.
    std::pair<std::string, std::string> run() {
        const bool is_path = in_.starts_with('$') && !in_.starts_with("${") && !in_.starts_with("$${");
        while (at_ < in_.size()) {
            if (in_.substr(at_).starts_with("$${")) {
                out_ += "${";
                template_ += "${{";
                at_ += 3;
                alone_ = false;
            } else if (in_.substr(at_).starts_with("${")) {
                variable();
            } else {
                template_ += in_[at_];
                out_ += in_[at_++];
                alone_ = false;
            }
        }
        // Only the file's own dollar begins a JSONPath.
        if (!is_path && template_.starts_with('$')) template_.insert(0, 1, '$');
        node_.variables_alone = alone_ && !node_.unset;
        return {std::move(out_), std::move(template_)};
    }

  private:
    void variable() {
        const size_t end = in_.find('}', at_);
        if (end == std::string_view::npos) {
            fault("bad-variable", "a \"${\" without its \"}\"", kEscape);
            out_ += in_.substr(at_);
            template_ += in_.substr(at_);
            at_ = in_.size();
            return;
        }
        const std::string_view inside = in_.substr(at_ + 2, end - at_ - 2);
        if (const size_t nested = inside.find("${"); nested != std::string_view::npos) {
            fault("bad-variable", "a \"${\" inside of another: the default of a variable is plain text", kEscape);
            at_ = in_.size();  // where the outer one was meant to end is anybody's guess
            return;
        }
        at_ = end + 1;
        const size_t dash = inside.find(":-");
        const std::string_view name = inside.substr(0, dash);
        if (!is_variable_name(name)) {
            const std::string meant = meant_default(inside, is_secret_);
            const std::string text(meant.empty() ? name : inside.substr(0, inside.find_first_of(":-=?+") + 1));
            fault("bad-variable", "\"" + text + "\" is not the name of an environment variable",
                  "did you mean " + (meant.empty() ? "{" + text + "}" : meant) + "? (write $${ for a dollar and a brace)");
            return;
        }
        const auto found = environment_(name);
        if (dash != std::string_view::npos && (!found || found->empty())) return put(inside.substr(dash + 2));
        if (found) {
            faults_.hide(*found, "${" + std::string(name) + "}");
            return put(*found);
        }
        fault("unset-variable", "the environment variable " + std::string(name) + " is not set, and there is no default",
              "set it, or write ${" + std::string(name) + ":-default}");
    }

    void put(std::string_view text) {
        out_ += text;
        for (const char c : text) template_.append(c == '{' || c == '}' ? 2 : 1, c);
        node_.substituted = true;
    }
    void fault(const char* code, std::string message, std::string hint) {
        faults_.error(node_.mark, "", code, std::move(message), std::move(hint));
        node_.unset = true;
    }

    Node& node_;
    const Environment& environment_;
    FaultList& faults_;
    const bool is_secret_;
    bool alone_ = true;  // only variables stood there so far
    std::string_view in_;
    std::string out_, template_;
    size_t at_ = 0;
};

}  // namespace

void substitute_variables(Node& node, const Environment& environment, FaultList& faults, bool is_secret) {
    if (node.text.find("${") == std::string::npos) return;
    node.raw = node.text;
    std::tie(node.text, node.as_template) = Substitution(node, environment, faults, is_secret).run();
    if (node.unset) faults.set_unset(node.mark);
}

}  // namespace portico::config
