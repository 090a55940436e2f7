#include "config/load.h"

#include "config/file_text.h"
#include "config/objects.h"

namespace portico::config {

std::string_view shown_name(std::string_view path) { return path == kStandardInput ? "stdin" : path; }

std::optional<std::string> read_file(const std::string& path, FaultList& faults) {
    auto text = path == kStandardInput ? read_standard_input() : read_file_text(path);
    if (!text) {
        const std::string what = path == kStandardInput ? std::string("standard input") : "the file " + path;
        faults.error({}, "", "missing-file", what + " cannot be read: " + text.error().context, "name another with -c FILE");
        return std::nullopt;
    }
    if (text->starts_with(kByteOrderMark)) text->erase(0, kByteOrderMark.size());
    return std::move(*text);
}

std::optional<Config> load(std::string source, std::string file_name, const LoadOptions& options, FaultList& faults) {
    faults.set_folder(file_name);
    auto document = Document::parse(std::move(source), options.environment, faults);
    Draft draft;
    draft.config.document = document;
    draft.config.file_name = std::move(file_name);
    draft.policy_types = options.policy_types;
    if (!document->has_root()) return std::nullopt;
    faults.set_source(document->source());
    const Node& root = document->root();
    if (root.kind == NodeKind::null) {
        faults.error({}, "", "empty-file", "the file is empty: a configuration needs at least listeners and routes");
        return std::nullopt;
    }
    if (root.is_mapping()) {
        draft.root_mark = root.mark;
        const Node* listeners = root.get("listeners");
        const Node* routes = root.get("routes");
        // A list that is there but could not be read has had its fault already.
        draft.listeners_written = listeners != nullptr && !(listeners->is_sequence() && listeners->items.empty());
        draft.routes_written = routes != nullptr && !(routes->is_sequence() && routes->items.empty());
    }
    const bool read = read_object<Draft>(Scope(faults), root, draft, "the file", file_fields());
    if (read) check_references(draft, faults);
    if (faults.has_errors() && !(read && options.keep_faulty)) return std::nullopt;
    return std::move(draft.config);
}

}  // namespace portico::config
