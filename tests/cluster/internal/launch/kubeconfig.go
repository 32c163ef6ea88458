package launch

import (
	"fmt"
	"os"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// users are who talks to the API server. Each has a name of its own, so that the audit log tells them apart, and all may do
// everything: least privilege is tested with service accounts, not with the control plane's parts.
var users = map[string]string{
	"admin":              "admin",
	"controller-manager": "system:kube-controller-manager",
	"scheduler":          "system:kube-scheduler",
	"kwok":               "kwok",
}

// writeIdentities writes the token file of the API server, a kubeconfig for each user, and the admin's bare token for curl.
func writeIdentities(p paths, server string) error {
	ca, err := os.ReadFile(p.at("pki", "ca.crt"))
	if err != nil {
		return err
	}
	var tokens strings.Builder
	for file, user := range users {
		token := randomToken()
		fmt.Fprintf(&tokens, "%s,%s,%s,\"system:masters\"\n", token, user, user)
		config := clientcmdapi.NewConfig()
		config.Clusters["test"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
		config.AuthInfos[file] = &clientcmdapi.AuthInfo{Token: token}
		config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: file}
		config.CurrentContext = "test"
		if err := clientcmd.WriteToFile(*config, p.kubeconfig(file)); err != nil {
			return fmt.Errorf("write the kubeconfig of %s: %w", file, err)
		}
		if file == "admin" {
			if err := os.WriteFile(p.at("admin.token"), []byte(token), 0o600); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(p.at("pki", "tokens.csv"), []byte(tokens.String()), 0o600)
}
