#include "gateway/contract/contract_answers.h"

#include "base/text.h"

namespace portico::gateway {

void ContractFaults::tell(config::Severity severity, const ContractPlace& at, const char* code, std::string message,
                          std::string hint) {
    if (!told_.emplace(at.mark.line, at.mark.column, message).second) return;
    if (severity == config::Severity::error) {
        faults_.error(at.mark, at.path, code, std::move(message), std::move(hint));
    } else
        faults_.warning(at.mark, at.path, code, std::move(message), std::move(hint));
}

const config::OpenApi* DeclaredAnswers::document(const config::Text& schema, const ContractPlace& at) {
    const std::string path = faults_.beside(schema.value);
    const auto [place, is_new] = documents_.try_emplace(path);
    if (is_new) {
        auto read = config::OpenApi::read(path, schema.value);
        if (read) {
            place->second = *std::move(read);
        } else
            faults_.tell(config::Severity::error, at, "bad-schema", read.error());
    }
    return place->second.get();
}

void DeclaredAnswers::tell_unmet(const config::OpenApi& api, const std::string& name, std::string_view method,
                                 const std::string& path, const ContractPlace& at) {
    std::vector<std::string_view> declared;
    for (const auto& operation : api.operations()) declared.push_back(operation.path);
    const std::string wanted = path.substr(0, path.find('?'));
    const std::string_view near = nearest(wanted, declared.data(), declared.size());
    const std::string asked = method.empty() ? wanted : std::string(method) + " " + wanted;
    faults_.tell(config::Severity::warning, at, "contract-operation",
                 name + " declares no operation that " + asked + " meets: nothing of its answer is checked",
                 near.empty() || near == wanted ? "" : "did you mean " + std::string(near) + "?");
}

std::vector<DeclaredAnswer> DeclaredAnswers::find(const config::Text& schema, std::span<const std::string> methods,
                                                  const std::string& path, const ContractPlace& at) {
    std::vector<DeclaredAnswer> answers;
    const config::OpenApi* api = document(schema, {schema.mark, at.path});
    if (api == nullptr || path.find("**") != std::string::npos) return answers;
    std::vector<std::string> asked(methods.begin(), methods.end());
    if (asked.empty()) asked.emplace_back();
    for (const std::string& method : asked) {
        const auto operations = api->find(method, path);
        if (operations.empty()) tell_unmet(*api, schema.value, method, path, at);
        for (const auto* operation : operations) {
            if (operation->answers.empty()) continue;
            answers.push_back(
                {api, operation->answers, operation->method + " " + operation->path + " (" + schema.value + ")"});
        }
    }
    return answers;
}

}  // namespace portico::gateway
