//! A namespace with many objects, of which few belong together.

use super::{Cluster, Resource};

/// The namespace.
pub const NAMESPACE: &str = "crowd";
/// The deployment that something belongs to.
pub const DEPLOYMENT: &str = "front";
/// The least that there is of objects in the namespace.
pub const OBJECTS: usize = 500;

/// Those that are copied there and have nothing to do with anything.
const COPIES: [(&str, &str, usize); 2] = [("configmaps", "ConfigMap", 360), ("services", "Service", 80)];

const MANIFEST: &str = r#"
apiVersion: v1
kind: PersistentVolume
metadata: {name: crowd-data}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany]
  hostPath: {path: /nowhere}
  claimRef: {namespace: crowd, name: data}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: crowd}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: ""
  volumeName: crowd-data
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: front-config, namespace: crowd}
data: {LEVEL: info}
---
apiVersion: v1
kind: Secret
metadata: {name: front-token, namespace: crowd}
stringData: {token: nobody-needs-to-know}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: crowd}
spec:
  replicas: 3
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec:
      containers:
      - name: front
        image: registry.example/crowd/front:1
        envFrom: [{configMapRef: {name: front-config}}]
        env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: front-token, key: token}}}]
        volumeMounts: [{name: data, mountPath: /data}]
        ports: [{name: http, containerPort: 8080}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: crowd}
spec:
  selector: {app: front}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: crowd}
spec:
  rules:
  - host: crowd.example
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: front, port: {name: http}}}}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: front, namespace: crowd}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: front}
  minReplicas: 3
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: others, namespace: crowd}
spec:
  replicas: 60
  selector: {matchLabels: {app: others}}
  template:
    metadata: {labels: {app: others}}
    spec:
      containers: [{name: others, image: registry.example/crowd/others:1}]
"#;

impl Cluster {
    /// Puts it up, and awaits its pods.
    ///
    /// # Errors
    /// The API server refuses something, or the pods do not become ready.
    pub async fn put_up_crowd(&self) -> anyhow::Result<()> {
        // Before there is anything to copy that controllers would count among what they have made.
        for (plural, kind, objects) in COPIES {
            let resource =
                Resource { group: String::new(), version: "v1".into(), plural: plural.into(), kind: kind.into() };
            self.copy(&resource, NAMESPACE, objects).await?;
        }
        let manifest = self.directory.join("crowd.yaml");
        std::fs::write(&manifest, MANIFEST)?;
        let manifest = manifest.to_string_lossy();
        self.kubectl(&["apply", "--filename", &manifest]).await?;
        for deployment in ["deployment/front", "deployment/others"] {
            let status = ["rollout", "status", deployment, "--namespace", NAMESPACE, "--timeout=300s"];
            self.kubectl(&status).await?;
        }
        Ok(())
    }
}
