#include "config/openapi.h"

#include <algorithm>

#include "base/text.h"
#include "config/file_text.h"
#include "http/uri.h"

namespace portico::config {
namespace {

constexpr size_t kMaxFile = 16 << 20;
constexpr std::string_view kAny = "{}";

bool is_json_type(std::string_view type) {
    type = trim_ows(type.substr(0, type.find(';')));
    return iequals(type, "application/json") || type == "*/*" || type == "application/*" ||
           to_lower(type).ends_with("+json");
}

// The path of a server's URL: "/v1" of "https://api.example.com/v1/".
std::string server_path(const Node& root) {
    const Node* servers = root.get("servers");
    if (servers == nullptr || servers->items.empty()) return {};
    const Node* url = servers->items.front()->get("url");
    if (url == nullptr || !url->is_scalar()) return {};
    std::string_view path = url->text;
    if (const size_t scheme = path.find("://"); scheme != std::string_view::npos) {
        const size_t slash = path.find('/', scheme + 3);
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
    }
    while (path.ends_with('/')) path.remove_suffix(1);
    return path.starts_with('/') ? std::string(path) : std::string();
}

// How many of the declared segments are fixed, or none where the request may miss them.
std::optional<size_t> meets(const std::vector<std::string>& request, const std::vector<std::string>& declared) {
    if (request.size() != declared.size()) return std::nullopt;
    size_t fixed = 0;
    for (size_t i = 0; i < request.size(); ++i) {
        if (declared[i] == kAny) continue;
        if (declared[i] != request[i]) return std::nullopt;
        ++fixed;
    }
    return fixed;
}

std::string place_of(const FaultList& faults, const std::string& name) {
    const Located& first = faults.all().front();
    std::string text = name;
    if (first.mark.line != 0) text += ":" + std::to_string(first.mark.line) + ":" + std::to_string(first.mark.column);
    return text + ": " + first.message;
}

}  // namespace

std::vector<std::string> path_segments(std::string_view path) {
    std::vector<std::string> segments;
    std::string segment;
    bool any = false;
    int braces = 0;
    const auto end_segment = [&] {
        segments.push_back(any ? std::string(kAny) : std::move(segment));
        segment.clear();
        any = false;
    };
    for (const char c : path.substr(std::min<size_t>(1, path.size()))) {
        if (c == '{') ++braces, any = true;
        if (c == '}') --braces;
        if (braces > 0) continue;
        if (c == '?') break;
        if (c == '/') {
            end_segment();
        } else
            segment += c;
    }
    end_segment();
    return segments;
}

std::expected<std::shared_ptr<const OpenApi>, std::string> OpenApi::read(const std::string& path,
                                                                         const std::string& name) {
    auto text = read_file_text(path);
    if (!text) return std::unexpected(name + " cannot be read: " + text.error().context);
    if (text->size() > kMaxFile) return std::unexpected(name + " has more than 16 MiB");
    return parse(*std::move(text), name);
}

std::expected<std::shared_ptr<const OpenApi>, std::string> OpenApi::parse(std::string source, const std::string& name) {
    FaultList faults;
    std::shared_ptr<OpenApi> api(new OpenApi());
    api->document_ = Document::parse(std::move(source), {}, faults);
    if (faults.has_errors()) return std::unexpected(place_of(faults, name));
    const Node& root = api->document_->root();
    const Node* version = root.get("openapi");
    if (version == nullptr || !version->text.starts_with("3.")) {
        return std::unexpected(name + " is no OpenAPI document of version 3: it does not begin with openapi: 3.…");
    }
    api->add_operations(root);
    return api;
}

const Node* OpenApi::target(std::string_view reference) const {
    if (!reference.starts_with("#")) return nullptr;
    const Node* at = &document_->root();
    for (reference.remove_prefix(1); !reference.empty();) {
        reference.remove_prefix(1);  // "/"
        const size_t end = std::min(reference.find('/'), reference.size());
        Arena arena;
        const std::string_view encoded = http::decode_segment(reference.substr(0, end), arena);
        reference.remove_prefix(end);
        std::string key;
        for (size_t i = 0; i < encoded.size(); ++i) {
            const bool escape = encoded[i] == '~' && i + 1 < encoded.size();
            key += escape ? (encoded[i + 1] == '1' ? '/' : '~') : encoded[i];
            i += escape;
        }
        if (at->is_sequence()) {
            const auto index = parse_decimal<size_t>(key);
            at = index && *index < at->items.size() ? at->items[*index] : nullptr;
        } else {
            at = at->get(key);
        }
        if (at == nullptr) return nullptr;
    }
    return at;
}

const Node& OpenApi::resolved(const Node& node) const {
    const Node* at = &node;
    for (int hops = 0; hops < 16; ++hops) {
        const Node* reference = at->get("$ref");
        const Node* next = reference != nullptr ? target(reference->text) : nullptr;
        if (next == nullptr) break;
        at = next;
    }
    return *at;
}

void OpenApi::add_operations(const Node& root) {
    const std::string base = server_path(root);
    const Node* paths = root.get("paths");
    if (paths == nullptr) return;
    for (const Entry& path : paths->entries) {
        const Node& item = resolved(*path.value);
        for (const Entry& entry : item.entries) {
            constexpr std::string_view kMethods[] = {"get",     "put",  "post",  "delete",
                                                     "options", "head", "patch", "trace"};
            if (std::ranges::find(kMethods, entry.key) != std::end(kMethods)) {
                add_operation(entry.key, base + path.key, *entry.value);
            }
        }
    }
}

void OpenApi::add_operation(std::string_view method, const std::string& path, const Node& operation) {
    Operation added{{}, path, path_segments(path), {}};
    for (const char c : method) added.method += static_cast<char>(c - 'a' + 'A');
    const Node* responses = operation.get("responses");
    const auto add = [&](const Node& response) {
        const Node* content = resolved(response).get("content");
        if (content == nullptr) return;
        for (const Entry& type : content->entries) {
            if (!is_json_type(type.key)) continue;
            if (const Node* schema = type.value->get("schema")) added.answers.push_back(schema);
        }
    };
    bool good = false;
    for (size_t i = 0; responses != nullptr && i < responses->entries.size(); ++i) {
        const Entry& entry = responses->entries[i];
        if (!entry.key.starts_with('2')) continue;
        good = true;
        add(*entry.value);
    }
    const Node* fallback = responses != nullptr ? responses->get("default") : nullptr;
    if (!good && fallback != nullptr) add(*fallback);
    operations_.push_back(std::move(added));
}

std::vector<const OpenApi::Operation*> OpenApi::find(std::string_view method, std::string_view path) const {
    const auto request = path_segments(path);
    const std::string* best = nullptr;
    size_t most = 0;
    for (const Operation& operation : operations_) {
        const auto fixed = meets(request, operation.segments);
        if (!fixed || (best != nullptr && *fixed <= most)) continue;
        best = &operation.path;
        most = *fixed;
    }
    std::vector<const Operation*> found;
    for (const Operation& operation : operations_) {
        if (best != nullptr && operation.path == *best && (method.empty() || operation.method == method)) {
            found.push_back(&operation);
        }
    }
    return found;
}

}  // namespace portico::config
