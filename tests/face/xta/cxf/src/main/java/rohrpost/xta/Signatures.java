package rohrpost.xta;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.xml.security.Init;
import org.apache.xml.security.signature.XMLSignature;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** Apache Santuario on XML signatures. */
final class Signatures {
    private Signatures() {}

    /** Whether a document bears a good signature of this certificate's key. */
    static boolean verify(String document, Path certificate) throws Exception {
        Init.init();
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        byte[] bytes = document.getBytes(StandardCharsets.UTF_8);
        Document parsed = factory.newDocumentBuilder().parse(new ByteArrayInputStream(bytes));
        Element signature = (Element) parsed.getElementsByTagNameNS(
            "http://www.w3.org/2000/09/xmldsig#", "Signature").item(0);
        try (InputStream pem = Files.newInputStream(certificate)) {
            X509Certificate signer =
                (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
            return new XMLSignature(signature, "", true).checkSignatureValue(signer);
        }
    }
}
